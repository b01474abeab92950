#include "vmm/backends/serial/serial_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace vivarium {

namespace {
constexpr size_t kReadBytes = 4096; // one turn's share, so that a fast peer cannot hold the loop

bool wouldBlock(int number) {
    return number == EAGAIN || number == EWOULDBLOCK;
}
} // namespace

Result<std::unique_ptr<SerialConnection>> SerialConnection::create(EventLoop& loop,
                                                                   DeviceLock& deviceLock,
                                                                   UniqueFd input, UniqueFd output,
                                                                   Owner& owner) {
    std::unique_ptr<SerialConnection> connection(new SerialConnection(loop, deviceLock, owner));
    if (input)
        TRY(prepare(connection->m_input, std::move(input)));
    if (output)
        TRY(prepare(connection->m_output, std::move(output)));
    connection->scheduleUpdate();
    return connection;
}

Result<std::unique_ptr<SerialConnection>>
SerialConnection::create(EventLoop& loop, DeviceLock& deviceLock, UniqueFd socket, Owner& owner) {
    auto output = TRY(socket.duplicate());
    return create(loop, deviceLock, std::move(socket), std::move(output), owner);
}

Result<void> SerialConnection::prepare(Direction& direction, UniqueFd fd) {
    struct stat status;
    if (::fstat(fd.get(), &status) != 0)
        return systemError(errno, "open serial line");
    direction.isSocket = S_ISSOCK(status.st_mode);
    if (!direction.isSocket) { // sockets have a flag for each call instead
        int flags = ::fcntl(fd.get(), F_GETFL);
        if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
            return systemError(errno, "open serial line");
        direction.savedFlags = flags;
    }
    direction.fd = std::move(fd);
    direction.ended = false;
    return {};
}

SerialConnection::~SerialConnection() {
    for (Direction* direction : {&m_input, &m_output}) {
        unwatch(*direction);
        // The open file may be a terminal that others go on using.
        if (direction->fd && direction->savedFlags >= 0)
            ::fcntl(direction->fd.get(), F_SETFL, direction->savedFlags);
    }
}

void SerialConnection::scheduleUpdate() {
    if (m_updateScheduled)
        return;
    m_updateScheduled = true;
    m_loop.post([this, alive = std::weak_ptr(m_alive)] {
        if (alive.expired())
            return;
        MutexLocker lock(m_deviceLock);
        m_updateScheduled = false;
        updateWatches();
    });
}

void SerialConnection::updateWatches() {
    if (m_outputFailed && !m_output.ended)
        endOutput();
    if (!m_output.ended)
        watch(m_output, m_queue.empty() ? 0u : EPOLLOUT, &SerialConnection::outputReady);
    // Input that nobody has room for is not watched: the level would keep the loop awake.
    if (m_input.ended || m_room == 0) {
        unwatch(m_input);
        return;
    }
    watch(m_input, EPOLLIN, &SerialConnection::inputReady);
    if (m_input.alwaysReady)
        receive();
}

void SerialConnection::watch(Direction& direction, uint32_t events, Ready ready) {
    if (direction.alwaysReady)
        return;
    if (direction.watched) {
        if (events != direction.events)
            m_loop.changeEvents(direction.fd.get(), events);
        direction.events = events;
        return;
    }
    auto watched = m_loop.watch(direction.fd.get(), events, [this, ready](uint32_t happened) {
        MutexLocker lock(m_deviceLock);
        (this->*ready)(happened);
    });
    // Regular files and /dev/null cannot be watched and never make anybody wait.
    direction.watched = watched.has_value();
    direction.alwaysReady = !watched;
    direction.events = events;
}

void SerialConnection::unwatch(Direction& direction) {
    if (std::exchange(direction.watched, false))
        m_loop.unwatch(direction.fd.get());
}

void SerialConnection::inputReady(uint32_t) {
    if (m_room > 0 && !m_input.ended)
        receive();
    updateWatches();
}

void SerialConnection::receive() {
    std::array<uint8_t, kReadBytes> buffer;
    size_t wanted = std::min(m_room, buffer.size());
    ssize_t count = m_input.isSocket ? ::recv(m_input.fd.get(), buffer.data(), wanted, MSG_DONTWAIT)
                                     : ::read(m_input.fd.get(), buffer.data(), wanted);
    if (count < 0 && (wouldBlock(errno) || errno == EINTR))
        return;
    if (count <= 0) { // end of file, or the terminal or the peer is gone
        endInput();
        return;
    }
    m_room -= static_cast<size_t>(count);
    m_owner.received(*this, ConstByteSpan(buffer.data(), static_cast<size_t>(count)));
    if (m_input.alwaysReady && m_room > 0)
        scheduleUpdate();
}

void SerialConnection::setReceiveRoom(size_t byteCount) {
    bool hadRoom = m_room > 0;
    m_room = byteCount;
    if (hadRoom != (byteCount > 0) && !m_input.ended)
        scheduleUpdate();
}

void SerialConnection::write(ConstByteSpan bytes) {
    if (m_output.ended || m_outputFailed)
        return;
    if (m_queue.empty()) {
        bytes = bytes.subspan(send(bytes));
        if (bytes.empty() && !m_outputFailed)
            return;
        scheduleUpdate();
    }
    size_t waiting = m_queue.size() - m_queueStart;
    bytes = bytes.first(std::min(bytes.size(), kMaxQueuedBytes - waiting));
    m_queue.insert(m_queue.end(), bytes.begin(), bytes.end());
}

// How many of `bytes` the peer took. An error is noted in m_outputFailed.
size_t SerialConnection::send(ConstByteSpan bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
        const uint8_t* data = bytes.data() + sent;
        size_t size = bytes.size() - sent;
        ssize_t count = m_output.isSocket
                            ? ::send(m_output.fd.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : ::write(m_output.fd.get(), data, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            m_outputFailed = !wouldBlock(errno);
            break;
        }
        sent += static_cast<size_t>(count);
    }
    return sent;
}

void SerialConnection::outputReady(uint32_t events) {
    if (events & (EPOLLHUP | EPOLLERR))
        m_outputFailed = true;
    else
        flush();
    updateWatches();
}

void SerialConnection::flush() {
    m_queueStart += send(ConstByteSpan(m_queue).subspan(m_queueStart));
    if (m_queueStart == m_queue.size()) {
        m_queue.clear();
        m_queueStart = 0;
    } else if (m_queueStart >= kMaxQueuedBytes / 2) {
        m_queue.erase(m_queue.begin(), m_queue.begin() + static_cast<ptrdiff_t>(m_queueStart));
        m_queueStart = 0;
    }
}

void SerialConnection::endInput() {
    unwatch(m_input);
    m_input.ended = true;
    reportIfClosed();
}

void SerialConnection::endOutput() {
    unwatch(m_output);
    m_output.ended = true;
    m_queue.clear();
    m_queueStart = 0;
    m_owner.hungUp(*this);
    reportIfClosed();
}

void SerialConnection::reportIfClosed() {
    if (m_input.ended && m_output.ended && !std::exchange(m_closedReported, true))
        m_owner.closed(*this);
}

} // namespace vivarium
