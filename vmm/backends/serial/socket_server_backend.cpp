#include "vmm/backends/serial/socket_server_backend.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace vivarium {

Result<std::unique_ptr<SocketServerBackend>>
SocketServerBackend::create(EventLoop& loop, DeviceLock& deviceLock, UniqueFd listening) {
    int accepts = 0;
    socklen_t size = sizeof accepts;
    if (::getsockopt(listening.get(), SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) != 0 || !accepts)
        return fail(ErrorCode::InvalidArgument, "serial line: not a listening socket");
    // A client that leaves between the event and the accept must not make the loop wait.
    int flags = ::fcntl(listening.get(), F_GETFL);
    if (flags < 0 || ::fcntl(listening.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return systemError(errno, "open serial line");
    std::unique_ptr<SocketServerBackend> backend(
        new SocketServerBackend(loop, deviceLock, std::move(listening)));
    TRY(backend->listen());
    return backend;
}

SocketServerBackend::~SocketServerBackend() {
    if (m_accepting)
        m_loop.unwatch(m_listening.get());
}

Result<void> SocketServerBackend::listen() {
    if (m_accepting)
        return {};
    TRY(m_loop.watch(m_listening.get(), EPOLLIN, [this](uint32_t) {
        MutexLocker lock(m_deviceLock);
        acceptClient();
    }));
    m_accepting = true;
    return {};
}

void SocketServerBackend::acceptClient() {
    UniqueFd socket(::accept4(m_listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket)
        return;
    auto client = SerialConnection::create(m_loop, m_deviceLock, std::move(socket), *this);
    if (!client) {
        logWarning("serial", "client refused: " + client.error().detail);
        return;
    }
    m_client = std::move(*client);
    m_client->setReceiveRoom(m_room);
    m_loop.unwatch(m_listening.get());
    m_accepting = false;
}

void SocketServerBackend::write(ConstByteSpan bytes) {
    if (m_client)
        m_client->write(bytes);
}

void SocketServerBackend::setReceiveRoom(size_t byteCount) {
    m_room = byteCount;
    if (m_client)
        m_client->setReceiveRoom(byteCount);
}

void SocketServerBackend::received(SerialConnection&, ConstByteSpan bytes) {
    m_room -= std::min(m_room, bytes.size());
    if (m_receiver)
        m_receiver(bytes);
}

void SocketServerBackend::hungUp(SerialConnection&) {
    if (auto listening = listen(); !listening)
        logWarning("serial", listening.error().detail);
}

} // namespace vivarium
