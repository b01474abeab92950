// A worker without a guest, for the supervisor's tests: speaks the control protocol and behaves as
// the machine's name asks: "refuse" (configure fails), "die" (ends while it is configured), "hang"
// (never answers), anything else runs. A reset crashes it; the power button ends it as a guest
// would.

#include "vmm/base/event_loop.h"
#include "vmm/base/log.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/message_json.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;

namespace {

class FakeWorker {
public:
    explicit FakeWorker(EventLoop& loop) : m_loop(loop) {}

    void addClient(UniqueFd socket) {
        auto channel = LineChannel::create(std::move(socket));
        if (!channel)
            return;
        LineChannel& client = m_clients.emplace_back(std::move(*channel));
        client.send(notificationLine(
            Hello::kMethod,
            toJson(Hello{kProtocolVersion, "fake", m_config.id, m_config.name, m_state})));
        static_cast<void>(
            m_loop.watch(client.fd(), EPOLLIN, [this, &client](uint32_t) { read(client); })
                .has_value());
    }

private:
    void read(LineChannel& client) {
        const bool open = client.readAvailable().has_value();
        while (const auto line = client.nextLine()) {
            auto parsed = parseEnvelope(*line);
            if (auto* envelope = std::get_if<Envelope>(&parsed))
                handle(client, *envelope);
        }
        if (open)
            return;
        m_loop.unwatch(client.fd());
        m_clients.remove_if([&client](const LineChannel& other) { return &other == &client; });
    }

    void handle(LineChannel& client, const Envelope& request) {
        if (request.method == Configure::kMethod) {
            configure(client, request);
            return;
        }
        const auto reply = [&] { client.send(responseLine(request.id, toJson(Empty{}))); };
        if (request.method == Status::kMethod) {
            StatusReply status;
            status.state = m_state;
            status.reason = m_reason;
            status.pid = ::getpid();
            client.send(responseLine(request.id, toJson(status)));
        } else if (request.method == Start::kMethod) {
            reply();
            setState(MachineState::Running, StopReason::None);
        } else if (request.method == Pause::kMethod) {
            reply();
            setState(MachineState::Paused, StopReason::User);
        } else if (request.method == Resume::kMethod) {
            reply();
            setState(MachineState::Running, StopReason::None);
        } else if (request.method == Reset::kMethod) {
            logError("fake", "these are my last words");
            ::raise(SIGKILL);
        } else if (request.method == PowerButton::kMethod) {
            reply();
            end(StopReason::GuestShutdown);
        } else if (request.method == PowerOff::kMethod) {
            reply();
            end(StopReason::User);
        } else {
            client.send(
                failureLine(request.id, kRequestFailed, fail(ErrorCode::Unsupported, "not here")));
        }
    }

    void configure(LineChannel& client, const Envelope& request) {
        auto descriptors = client.takeDescriptors(request.descriptorCount);
        const auto parsed = fromJson<Configure>(request.body, request.descriptorCount);
        if (!descriptors || !parsed) {
            client.send(failureLine(request.id, kInvalidParameters, parsed.error()));
            return;
        }
        m_config = parsed->config;
        m_descriptors = std::move(*descriptors);
        if (m_config.name == "hang")
            return;
        if (m_config.name == "die") {
            logError("fake", "I cannot go on");
            std::_Exit(3);
        }
        if (m_config.name == "refuse") {
            client.send(
                failureLine(request.id, kRequestFailed,
                            fail(ErrorCode::Unavailable, "There is no KVM; load the module.")));
            return;
        }
        if (m_config.listenFd >= 0) {
            const int listening = m_descriptors[static_cast<size_t>(m_config.listenFd)].get();
            static_cast<void>(m_loop
                                  .watch(listening, EPOLLIN,
                                         [this, listening](uint32_t) {
                                             addClient(UniqueFd(::accept4(listening, nullptr,
                                                                          nullptr, SOCK_CLOEXEC)));
                                         })
                                  .has_value());
        }
        client.send(responseLine(request.id, toJson(Empty{})));
    }

    void setState(MachineState state, StopReason reason) {
        m_state = state;
        m_reason = reason;
        for (LineChannel& client : m_clients)
            client.send(
                notificationLine(StateChanged::kMethod, toJson(StateChanged{state, reason, {}})));
    }

    void end(StopReason reason) {
        if (m_config.lockFd >= 0) {
            const std::string line = "exited " + std::string(stopReasonName(reason)) + "\n";
            static_cast<void>(::write(m_descriptors[static_cast<size_t>(m_config.lockFd)].get(),
                                      line.data(), line.size()) < 0);
        }
        for (LineChannel& client : m_clients)
            client.send(notificationLine(Exiting::kMethod, toJson(Exiting{reason, -1, {}})));
        std::_Exit(0);
    }

    EventLoop& m_loop;
    std::list<LineChannel> m_clients;
    MachineConfig m_config;
    std::vector<UniqueFd> m_descriptors;
    MachineState m_state = MachineState::PoweredOff;
    StopReason m_reason = StopReason::None;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 3 || std::strcmp(argv[1], "--control-fd") != 0)
        return 2;
    auto loop = EventLoop::create();
    if (!loop)
        return 1;
    FakeWorker worker(**loop);
    worker.addClient(UniqueFd(std::atoi(argv[2])));
    (*loop)->run();
    return 0;
}
