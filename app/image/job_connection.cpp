#include "app/image/job_connection.h"

#include <poll.h>

namespace vivarium::image {

Result<JobConnection> JobConnection::create(UniqueFd socket) {
    return JobConnection(TRY(control::LineChannel::create(std::move(socket))));
}

Result<JobRequest> JobConnection::waitForRequest() {
    for (;;) {
        if (auto line = m_channel.nextLine())
            return parse(*line);
        pollfd wait{m_channel.fd(), POLLIN, 0};
        ::poll(&wait, 1, -1);
        TRY(m_channel.readAvailable());
    }
}

Result<JobRequest> JobConnection::parse(const std::string& line) {
    auto parsed = control::parseEnvelope(line);
    auto* envelope = std::get_if<control::Envelope>(&parsed);
    if (!envelope || envelope->kind != control::Envelope::Kind::Request)
        return fail(ErrorCode::InvalidArgument, "the first line is not a request");
    m_id = envelope->id;
    JobRequest request;
    request.method = std::move(envelope->method);
    request.params = std::move(envelope->body);
    request.descriptors = TRY(m_channel.takeDescriptors(envelope->descriptorCount));
    return request;
}

bool JobConnection::service() {
    if (!m_channel.readAvailable() || !m_channel.flush())
        return false;
    while (m_channel.nextLine()) {
    }
    return true;
}

void JobConnection::sendEvent(std::string_view method, const nlohmann::json& params) {
    m_channel.send(control::notificationLine(method, params));
}

void JobConnection::finish(const Result<nlohmann::json>& result) {
    m_channel.send(result ? control::responseLine(m_id, *result)
                          : control::failureLine(m_id, control::kRequestFailed, result.error()));
    while (m_channel.wantsWrite()) {
        pollfd wait{m_channel.fd(), POLLIN | POLLOUT, 0};
        ::poll(&wait, 1, -1);
        if (!service())
            return;
    }
}

} // namespace vivarium::image
