// A worker without a guest, for the supervisor's tests: speaks the control protocol and behaves as
// the machine's name asks: "refuse" (configure fails), "die" (ends while it is configured), "hang"
// (never answers), "slow" (a snapshot lasts until it is cancelled), "full" (a snapshot finds no
// space after the new layers are made), anything else runs. A reset crashes it; the power button
// ends it as a guest would.

#include "vmm/base/event_loop.h"
#include "vmm/base/log.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/message_json.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <string>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
        } else if (request.method == TakeSnapshot::kMethod) {
            takeSnapshot(client, request);
        } else if (request.method == MergeLayers::kMethod) {
            static_cast<void>(client.takeDescriptors(request.descriptorCount).has_value());
            reply();
        } else if (request.method == AttachDrive::kMethod) {
            auto descriptors = client.takeDescriptors(request.descriptorCount);
            const auto parsed = fromJson<AttachDrive>(request.body, request.descriptorCount);
            if (descriptors && parsed)
                m_attached[parsed->drive.id] = std::move(*descriptors); // and their locks
            reply();
        } else if (request.method == DetachDrive::kMethod) {
            if (const auto parsed = fromJson<DetachDrive>(request.body))
                m_attached.erase(parsed->drive);
            reply();
        } else if (request.method == ResizeDrive::kMethod) {
            reply();
        } else if (request.method == CancelJob::kMethod) {
            reply();
            cancelJob();
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

    // Every file gets its contents: new layers an empty qcow2 image with the size of the disk.
    void takeSnapshot(LineChannel& client, const Envelope& request) {
        auto descriptors = client.takeDescriptors(request.descriptorCount);
        const auto parsed = fromJson<TakeSnapshot>(request.body, request.descriptorCount);
        if (!descriptors || !parsed) {
            client.send(failureLine(request.id, kInvalidParameters,
                                    parsed ? descriptors.error() : parsed.error()));
            return;
        }
        const auto fd = [&](int index) { return (*descriptors)[static_cast<size_t>(index)].get(); };
        for (const int index : {parsed->stateFd, parsed->ramFd, parsed->ramIndexFd})
            static_cast<void>(::pwrite(fd(index), "content", 7, 0) < 0);
        for (const OverlayConfig& overlay : parsed->overlays)
            writeEmptyImage(fd(overlay.fd), overlay);
        if (m_config.name == "slow") {
            m_job = {&client, request.id};
            return;
        }
        if (m_config.name == "full") {
            client.send(failureLine(request.id, kRequestFailed,
                                    fail(ErrorCode::NoSpace, "There is no space left.")));
            return;
        }
        client.send(responseLine(request.id, toJson(TakeSnapshotReply{})));
        if (parsed->thenPowerOff)
            end(StopReason::Saved);
    }

    void cancelJob() {
        if (!m_job.client)
            return;
        m_job.client->send(failureLine(m_job.id, kRequestFailed,
                                       fail(ErrorCode::Cancelled, "The job was cancelled.")));
        m_job = {};
    }

    // qcow2 version 3: header, refcount table, refcount block and first-level table, a cluster
    // each.
    void writeEmptyImage(int fd, const OverlayConfig& overlay) {
        constexpr uint64_t kCluster = 65536;
        uint64_t diskBytes = 0;
        for (const DriveConfig& drive : m_config.drives)
            if (drive.id == overlay.drive && !drive.images.empty())
                diskBytes = sizeOf(m_descriptors[static_cast<size_t>(drive.images[0].fd)].get());
        std::vector<uint8_t> bytes(4 * kCluster);
        const auto put = [&bytes](size_t at, uint64_t value, size_t width) {
            for (size_t i = 0; i < width; ++i)
                bytes[at + i] = static_cast<uint8_t>(value >> (8 * (width - 1 - i)));
        };
        put(0, 0x514649fb, 4);
        put(4, 3, 4);
        put(8, 512, 8); // the backing file's name
        put(16, overlay.backingName.size(), 4);
        put(20, 16, 4); // cluster bits
        put(24, diskBytes, 8);
        put(36, (diskBytes + (kCluster << 13) - 1) / (kCluster << 13), 4);
        put(40, 3 * kCluster, 8);
        put(48, kCluster, 8);
        put(56, 1, 4);
        put(96, 4, 4);    // refcounts of 16 bits
        put(100, 104, 4); // of the header
        const std::string format = overlay.backingFormat == DiskFormat::Raw ? "raw" : "qcow2";
        put(104, 0xe2792aca, 4); // extension: the backing file's format
        put(108, format.size(), 4);
        std::copy(format.begin(), format.end(), bytes.begin() + 112);
        std::copy(overlay.backingName.begin(), overlay.backingName.end(), bytes.begin() + 512);
        put(kCluster, 2 * kCluster, 8);
        for (size_t i = 0; i < 4; ++i)
            put(2 * kCluster + 2 * i, 1, 2);
        static_cast<void>(::pwrite(fd, bytes.data(), bytes.size(), 0) < 0);
    }

    // Of a raw disk, or as a qcow2 header says.
    static uint64_t sizeOf(int fd) {
        uint8_t header[32] = {};
        if (::pread(fd, header, sizeof(header), 0) == sizeof(header) &&
            std::memcmp(header, "QFI\xfb", 4) == 0) {
            uint64_t size = 0;
            for (size_t i = 24; i < 32; ++i)
                size = size << 8 | header[i];
            return size;
        }
        struct stat status {};
        return ::fstat(fd, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
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
    std::map<std::string, std::vector<UniqueFd>> m_attached; // by drive
    struct Job {
        LineChannel* client = nullptr;
        decltype(Envelope::id) id{};
    } m_job;
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
