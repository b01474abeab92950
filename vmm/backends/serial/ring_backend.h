#pragma once

#include "vmm/backends/serial/character_backend.h"
#include "vmm/backends/serial/serial_connection.h"

#include <memory>
#include <vector>

namespace vivarium {

// A serial line that remembers its last kHistoryBytes, so that whoever attaches late sees how it
// came to this, and that any number of listeners share: each gets the history, then everything,
// and can type. May stand before another backend (a file, a socket). Created and destroyed on the
// loop's thread or with the loop at rest.
class RingBackend final : public CharacterBackend, private SerialConnection::Owner {
public:
    static constexpr size_t kHistoryBytes = 64 * 1024;
    static constexpr size_t kMaxListeners = 16;

    RingBackend(EventLoop& loop, DeviceLock& deviceLock,
                std::unique_ptr<CharacterBackend> downstream = nullptr);
    ~RingBackend() override;

    // A stream socket on which a client gets the history, then the live line, and can type. A
    // client that does not read loses output past SerialConnection::kMaxQueuedBytes. Any thread,
    // device lock held. Errors: LimitExceeded (listeners), the system's.
    Result<UniqueFd> attach();
    // The remembered output, oldest byte first. Device lock held.
    std::vector<uint8_t> history() const;

    void write(ConstByteSpan bytes) override;
    void setReceiver(Receiver receiver) override { m_receiver = std::move(receiver); }
    void setReceiveRoom(size_t byteCount) override;

private:
    void deliver(ConstByteSpan bytes);
    void received(SerialConnection& connection, ConstByteSpan bytes) override;
    void hungUp(SerialConnection& connection) override;
    void closed(SerialConnection& connection) override;

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    std::unique_ptr<CharacterBackend> m_downstream;
    Receiver m_receiver;
    size_t m_room = 0;
    std::vector<uint8_t> m_ring; // grows to kHistoryBytes, then wraps at m_ringStart
    size_t m_ringStart = 0;
    std::vector<std::unique_ptr<SerialConnection>> m_listeners;
    std::shared_ptr<int> m_alive = std::make_shared<int>(0);
};

} // namespace vivarium
