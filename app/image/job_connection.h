#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace vivarium::image {

// What the process is to do: one of the requests of vmm/control/image_messages.h.
struct JobRequest {
    std::string method;
    nlohmann::json params;
    std::vector<UniqueFd> descriptors;
};

// The socket to whoever wants the job done: one request, events, one reply. One thread.
class JobConnection {
public:
    static Result<JobConnection> create(UniqueFd socket);

    // Waits for the request. Errors: Disconnected; InvalidArgument for what is no request.
    Result<JobRequest> waitForRequest();

    int fd() const { return m_channel.fd(); }
    bool wantsWrite() const { return m_channel.wantsWrite(); }
    // After poll(): writes what waits. False when the peer has gone, which cancels the job; what it
    // sends besides is ignored.
    bool service();

    void sendEvent(std::string_view method, const nlohmann::json& params);
    // Sends the reply and waits until the peer has it, or has gone.
    void finish(const Result<nlohmann::json>& result);

private:
    explicit JobConnection(control::LineChannel channel) : m_channel(std::move(channel)) {}
    Result<JobRequest> parse(const std::string& line);

    control::LineChannel m_channel;
    control::MessageId m_id;
};

} // namespace vivarium::image
