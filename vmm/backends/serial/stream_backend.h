#pragma once

#include "vmm/backends/serial/character_backend.h"
#include "vmm/backends/serial/serial_connection.h"

#include <memory>

namespace vivarium {

// A serial line on open descriptors: a socket, a terminal, a pair of pipes. When the peer goes away
// the line stays dead. Created and destroyed on the loop's thread or with the loop at rest.
class StreamBackend final : public CharacterBackend, private SerialConnection::Owner {
public:
    // `input` may be invalid (output only); to use one open file both ways pass a duplicate.
    static Result<std::unique_ptr<StreamBackend>> create(EventLoop& loop, DeviceLock& deviceLock,
                                                         UniqueFd input, UniqueFd output);

    void write(ConstByteSpan bytes) override { m_connection->write(bytes); }
    void setReceiver(Receiver receiver) override { m_receiver = std::move(receiver); }
    void setReceiveRoom(size_t byteCount) override { m_connection->setReceiveRoom(byteCount); }

private:
    StreamBackend() = default;
    void received(SerialConnection& connection, ConstByteSpan bytes) override;
    void hungUp(SerialConnection&) override {}
    void closed(SerialConnection&) override {}

    Receiver m_receiver;
    std::unique_ptr<SerialConnection> m_connection;
};

} // namespace vivarium
