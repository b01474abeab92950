#include "vmm/backends/serial/ring_backend.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

namespace vivarium {

RingBackend::RingBackend(EventLoop& loop, DeviceLock& deviceLock,
                         std::unique_ptr<CharacterBackend> downstream)
    : m_loop(loop), m_deviceLock(deviceLock), m_downstream(std::move(downstream)) {
    if (m_downstream)
        m_downstream->setReceiver([this](ConstByteSpan bytes) { deliver(bytes); });
}

RingBackend::~RingBackend() = default;

Result<UniqueFd> RingBackend::attach() {
    auto live = std::count_if(m_listeners.begin(), m_listeners.end(),
                              [](const auto& listener) { return !listener->outputEnded(); });
    if (static_cast<size_t>(live) >= kMaxListeners || m_listeners.size() >= 2 * kMaxListeners)
        return fail(ErrorCode::LimitExceeded, "too many clients on this serial line");
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return systemError(errno, "attach to serial line");
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    auto listener = TRY(SerialConnection::create(m_loop, m_deviceLock, std::move(ours), *this));
    listener->write(history());
    listener->setReceiveRoom(m_room);
    m_listeners.push_back(std::move(listener));
    return theirs;
}

std::vector<uint8_t> RingBackend::history() const {
    std::vector<uint8_t> bytes;
    bytes.reserve(m_ring.size());
    auto start = m_ring.begin() + static_cast<ptrdiff_t>(m_ringStart);
    bytes.insert(bytes.end(), start, m_ring.end());
    bytes.insert(bytes.end(), m_ring.begin(), start);
    return bytes;
}

void RingBackend::write(ConstByteSpan bytes) {
    for (uint8_t byte : bytes) {
        if (m_ring.size() < kHistoryBytes) {
            m_ring.push_back(byte);
        } else {
            m_ring[m_ringStart] = byte;
            m_ringStart = (m_ringStart + 1) % kHistoryBytes;
        }
    }
    for (auto& listener : m_listeners)
        listener->write(bytes);
    if (m_downstream)
        m_downstream->write(bytes);
}

void RingBackend::setReceiveRoom(size_t byteCount) {
    m_room = byteCount;
    for (auto& listener : m_listeners)
        listener->setReceiveRoom(byteCount);
    if (m_downstream)
        m_downstream->setReceiveRoom(byteCount);
}

void RingBackend::deliver(ConstByteSpan bytes) {
    // What one sender used up is no longer there for the others.
    setReceiveRoom(m_room - std::min(m_room, bytes.size()));
    if (m_receiver)
        m_receiver(bytes);
}

void RingBackend::received(SerialConnection&, ConstByteSpan bytes) {
    deliver(bytes);
}

void RingBackend::hungUp(SerialConnection& connection) {
    // Input that it left is still delivered, unless the guest does not read at all.
    if (m_room == 0)
        closed(connection);
}

void RingBackend::closed(SerialConnection& connection) {
    m_loop.post([this, alive = std::weak_ptr(m_alive), gone = &connection] {
        if (alive.expired())
            return;
        MutexLocker lock(m_deviceLock);
        std::erase_if(m_listeners, [gone](const auto& listener) { return listener.get() == gone; });
    });
}

} // namespace vivarium
