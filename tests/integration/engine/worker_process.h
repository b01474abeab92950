#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/message_json.h"
#include "vmm/control/messages.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace vivarium::test {

// A blocking client of the control protocol for tests. Every wait ends after kTimeoutMs.
class ControlClient {
public:
    static constexpr int kTimeoutMs = 60'000;

    explicit ControlClient(UniqueFd socket);

    template <class Request>
    Result<typename Request::Reply> call(const Request& request,
                                         std::vector<UniqueFd> descriptors = {}) {
        return reply<Request>(send(request, std::move(descriptors)));
    }
    // The same in two steps; `send` gives the request's number.
    template <class Request>
    int64_t send(const Request& request, std::vector<UniqueFd> descriptors = {}) {
        return sendRaw(Request::kMethod, control::toJson(request), std::move(descriptors));
    }
    template <class Request>
    Result<typename Request::Reply> reply(int64_t number) {
        auto body = replyRaw(number);
        if (!body)
            return body.error();
        return control::fromJson<typename Request::Reply>(*body);
    }
    // The next event called `Event::kMethod` that has not been taken yet; nullopt after a timeout
    // or when the worker has gone.
    template <class Event>
    std::optional<Event> waitFor() {
        auto body = waitForRaw(Event::kMethod);
        if (!body)
            return std::nullopt;
        auto event = control::fromJson<Event>(*body);
        if (!event)
            return std::nullopt;
        return *event;
    }
    // Waits until the state is `state`; the event that said so.
    std::optional<control::StateChanged> waitForState(control::MachineState state);
    bool waitForEnd(); // the peer closed the connection

    void sendLine(std::string_view line) { m_channel.send(line); }
    // Descriptors of messages received so far, in order.
    std::vector<UniqueFd>& descriptors() { return m_descriptors; }
    int fd() const { return m_channel.fd(); }

private:
    int64_t sendRaw(std::string_view method, const nlohmann::json& params,
                    std::vector<UniqueFd> descriptors);
    Result<nlohmann::json> replyRaw(int64_t number);
    std::optional<nlohmann::json> waitForRaw(std::string_view method);
    // One more message, or nothing.
    std::optional<control::Envelope> receive();

    control::LineChannel m_channel;
    std::deque<control::Envelope> m_events; // and replies that nobody has waited for yet
    std::vector<UniqueFd> m_descriptors;
    int64_t m_nextId = 1;
};

// A worker program that a test launched; killed when it goes.
class WorkerProcess {
public:
    // The log goes to a file that log() reads.
    WorkerProcess();
    ~WorkerProcess();

    ControlClient& client() { return *m_client; }
    void closeClient() { m_client.reset(); }
    pid_t pid() const { return m_pid; }
    // Waits for the end; the exit code, -signal, or nullopt after a timeout.
    std::optional<int> waitForExit();
    std::string log() const;

private:
    pid_t m_pid = -1;
    UniqueFd m_log;
    std::unique_ptr<ControlClient> m_client;
};

// A guest from a few bytes of 32-bit code at kGuestEntry, started by multiboot.
constexpr uint32_t kGuestEntry = 0x100020;
UniqueFd multibootGuest(const std::vector<uint8_t>& code);
// A configuration that starts the descriptor with index 0 as a kernel.
control::MachineConfig kernelConfig();
// A memfd with `bytes`.
UniqueFd fileOf(const std::string& name, const std::vector<uint8_t>& bytes);

// Empty where guests can run; else the reason to skip.
std::string whyNoGuests();

} // namespace vivarium::test
