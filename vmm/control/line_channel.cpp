#include "vmm/control/line_channel.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace vivarium::control {

namespace {

// Room for kMaxDescriptors in one control message; more are truncated and that is an error.
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(int) * kMaxDescriptors);

} // namespace

Result<LineChannel> LineChannel::create(UniqueFd socket) {
    int domain = 0, type = 0;
    socklen_t length = sizeof domain;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0)
        return systemError(errno, "control socket");
    length = sizeof type;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0)
        return systemError(errno, "control socket");
    if (domain != AF_UNIX || type != SOCK_STREAM)
        return fail(ErrorCode::InvalidArgument, "the control socket is not a Unix stream socket");
    int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return systemError(errno, "set control socket non-blocking");
    return LineChannel(std::move(socket));
}

Result<void> LineChannel::readAvailable() {
    m_mayHaveMore = false;
    if (m_consumed > 0) {
        m_buffer.erase(0, m_consumed);
        m_scanned -= m_consumed;
        m_lineStart -= m_consumed;
        m_consumed = 0;
    }
    for (size_t total = 0;;) {
        if (total >= kMaxReadBytes) {
            m_mayHaveMore = true;
            return {};
        }
        size_t before = m_buffer.size();
        m_buffer.resize(before + kReadChunkBytes);
        iovec vector{m_buffer.data() + before, kReadChunkBytes};
        alignas(cmsghdr) std::array<char, kControlBytes> control;
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        ssize_t count;
        do {
            count = ::recvmsg(m_socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        } while (count < 0 && errno == EINTR);
        int error = errno;
        m_buffer.resize(before + (count > 0 ? static_cast<size_t>(count) : 0));
        if (count < 0) {
            if (error == EAGAIN || error == EWOULDBLOCK)
                return {};
            return systemError(error, "read control socket");
        }
        m_receivedBytes += static_cast<uint64_t>(count);
        total += static_cast<size_t>(count);
        for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
                continue;
            size_t bytes = part->cmsg_len - CMSG_LEN(0);
            for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
                m_descriptors.push_back({m_receivedBytes, UniqueFd(fd)});
            }
        }
        if (count == 0)
            return fail(ErrorCode::Disconnected, "the peer closed the control connection");
        if (message.msg_flags & MSG_CTRUNC || m_descriptors.size() > kMaxWaitingDescriptors) {
            m_descriptors.clear();
            return fail(ErrorCode::LimitExceeded, "too many descriptors beside a control message");
        }
        if (!scanLines()) {
            m_buffer.resize(m_lineStart);
            return fail(ErrorCode::LimitExceeded, "a control message is longer than " +
                                                      std::to_string(kMaxMessageBytes) + " bytes");
        }
    }
}

// Looks for line ends in what is new; false when a line, finished or not, is too long.
bool LineChannel::scanLines() {
    for (;;) {
        size_t end = m_buffer.find('\n', m_scanned);
        bool finished = end != std::string::npos;
        size_t lineBytes = (finished ? end + 1 : m_buffer.size() + 1) - m_lineStart;
        if (lineBytes > kMaxMessageBytes)
            return false;
        if (!finished) {
            m_scanned = m_buffer.size();
            return true;
        }
        m_lineStart = m_scanned = end + 1;
    }
}

std::optional<std::string> LineChannel::nextLine() {
    // What came with bytes before this line's first one cannot be this line's.
    dropDescriptorsBefore(m_receivedBytes - (m_buffer.size() - m_consumed));
    if (m_consumed >= m_lineStart)
        return std::nullopt;
    size_t end = m_buffer.find('\n', m_consumed);
    std::string line = m_buffer.substr(m_consumed, end - m_consumed);
    m_consumed = end + 1;
    return line;
}

void LineChannel::dropDescriptorsBefore(uint64_t offset) {
    while (!m_descriptors.empty() && m_descriptors.front().before <= offset)
        m_descriptors.pop_front();
}

Result<std::vector<UniqueFd>> LineChannel::takeDescriptors(size_t count) {
    if (count > m_descriptors.size())
        return fail(ErrorCode::InvalidArgument,
                    "the message announces " + std::to_string(count) + " descriptors, " +
                        std::to_string(m_descriptors.size()) + " came with it");
    std::vector<UniqueFd> taken;
    taken.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        taken.push_back(std::move(m_descriptors.front().fd));
        m_descriptors.pop_front();
    }
    return taken;
}

void LineChannel::send(std::string_view line, std::vector<UniqueFd> descriptors) {
    Outgoing message;
    message.bytes.reserve(line.size() + 1);
    message.bytes = line;
    message.bytes += '\n';
    message.descriptors = std::move(descriptors);
    m_queuedBytes += message.bytes.size();
    m_queue.push_back(std::move(message));
    // An error shows again at the next flush or read, where the owner can act on it.
    if (m_queue.size() == 1)
        static_cast<void>(flush());
}

Result<void> LineChannel::flush() {
    while (!m_queue.empty()) {
        Outgoing& message = m_queue.front();
        iovec vector{message.bytes.data() + message.sent, message.bytes.size() - message.sent};
        alignas(cmsghdr) std::array<char, kControlBytes> control{};
        msghdr header{};
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        if (message.sent == 0 && !message.descriptors.empty()) {
            size_t count = message.descriptors.size();
            if (count > kMaxDescriptors)
                return fail(ErrorCode::LimitExceeded, "too many descriptors to send");
            header.msg_control = control.data();
            header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
            cmsghdr* part = CMSG_FIRSTHDR(&header);
            part->cmsg_level = SOL_SOCKET;
            part->cmsg_type = SCM_RIGHTS;
            part->cmsg_len = CMSG_LEN(sizeof(int) * count);
            for (size_t i = 0; i < count; ++i) {
                int fd = message.descriptors[i].get();
                std::memcpy(CMSG_DATA(part) + i * sizeof fd, &fd, sizeof fd);
            }
        }
        ssize_t sent;
        do {
            sent = ::sendmsg(m_socket.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        } while (sent < 0 && errno == EINTR);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                return {};
            return systemError(errno, "write control socket");
        }
        message.descriptors.clear();
        message.sent += static_cast<size_t>(sent);
        m_queuedBytes -= static_cast<size_t>(sent);
        if (message.sent == message.bytes.size())
            m_queue.pop_front();
    }
    return {};
}

} // namespace vivarium::control
