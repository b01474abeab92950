#pragma once

#include "vmm/backends/serial/character_backend.h"
#include "vmm/backends/serial/serial_connection.h"

#include <memory>

namespace vivarium {

// A serial line behind a listening stream socket: one client at a time, the next waits in the
// socket's backlog until it has hung up. Output without a client is lost, as on an unplugged cable.
// Created and destroyed on the loop's thread or with the loop at rest.
class SocketServerBackend final : public CharacterBackend, private SerialConnection::Owner {
public:
    // Errors: InvalidArgument (`listening` is no listening socket), the system's.
    static Result<std::unique_ptr<SocketServerBackend>>
    create(EventLoop& loop, DeviceLock& deviceLock, UniqueFd listening);
    ~SocketServerBackend() override;

    void write(ConstByteSpan bytes) override;
    void setReceiver(Receiver receiver) override { m_receiver = std::move(receiver); }
    void setReceiveRoom(size_t byteCount) override;

private:
    SocketServerBackend(EventLoop& loop, DeviceLock& deviceLock, UniqueFd listening)
        : m_loop(loop), m_deviceLock(deviceLock), m_listening(std::move(listening)) {}
    Result<void> listen();
    void acceptClient();
    void received(SerialConnection& connection, ConstByteSpan bytes) override;
    void hungUp(SerialConnection& connection) override;
    void closed(SerialConnection&) override {}

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    UniqueFd m_listening;
    bool m_accepting = false; // the socket is watched
    Receiver m_receiver;
    size_t m_room = 0;
    // Stays after it hung up, for input that the guest has yet to read, until the next one comes.
    std::unique_ptr<SerialConnection> m_client;
};

} // namespace vivarium
