#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"
#include "vmm/bus/device_lock.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium {

// One peer of a serial line: a bounded output buffer, and input that is read only as far as the
// device has room. Never blocks. Destroyed on the loop's thread or with the loop at rest;
// everything else with the device lock held, on any thread.
class SerialConnection {
public:
    static constexpr size_t kMaxQueuedBytes = 256 * 1024;

    // Called on the loop's thread with the device lock held. The connection must not be destroyed
    // inside these calls.
    class Owner {
    public:
        virtual void received(SerialConnection& connection, ConstByteSpan bytes) = 0;
        // The peer takes no more output; some of its input may be left to read.
        virtual void hungUp(SerialConnection& connection) = 0;
        // Neither direction will carry anything again.
        virtual void closed(SerialConnection& connection) = 0;

    protected:
        ~Owner() = default;
    };

    // Sockets, pipes, terminals and regular files; either descriptor may be invalid. Descriptors
    // that are not sockets are set non-blocking and set back at the end. Errors: the system's.
    static Result<std::unique_ptr<SerialConnection>>
    create(EventLoop& loop, DeviceLock& deviceLock, UniqueFd input, UniqueFd output, Owner& owner);
    // Both directions of one stream socket.
    static Result<std::unique_ptr<SerialConnection>> create(EventLoop& loop, DeviceLock& deviceLock,
                                                            UniqueFd socket, Owner& owner);
    ~SerialConnection();
    SerialConnection(const SerialConnection&) = delete;
    SerialConnection& operator=(const SerialConnection&) = delete;

    // Sends what the peer takes now and keeps up to kMaxQueuedBytes; the rest is dropped.
    void write(ConstByteSpan bytes);
    // How many bytes the owner takes until it says so again; received bytes are subtracted.
    void setReceiveRoom(size_t byteCount);
    bool outputEnded() const { return m_output.ended; }

private:
    struct Direction {
        UniqueFd fd;
        bool isSocket = false;
        int savedFlags = -1; // file status flags to set back; -1: untouched
        bool ended = true;
        bool watched = false;
        uint32_t events = 0;      // as told to the loop
        bool alwaysReady = false; // a kind of file that epoll refuses
    };
    using Ready = void (SerialConnection::*)(uint32_t events);

    SerialConnection(EventLoop& loop, DeviceLock& deviceLock, Owner& owner)
        : m_loop(loop), m_deviceLock(deviceLock), m_owner(owner) {}
    static Result<void> prepare(Direction& direction, UniqueFd fd);
    void scheduleUpdate();
    void updateWatches();
    void watch(Direction& direction, uint32_t events, Ready ready);
    void unwatch(Direction& direction);
    void inputReady(uint32_t events);
    void outputReady(uint32_t events);
    void receive();
    size_t send(ConstByteSpan bytes);
    void flush();
    void endInput();
    void endOutput();
    void reportIfClosed();

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    Owner& m_owner;
    Direction m_input;
    Direction m_output;
    bool m_outputFailed = false; // noticed on a vCPU's thread, handled on the loop's
    bool m_closedReported = false;
    bool m_updateScheduled = false;
    size_t m_room = 0;
    std::vector<uint8_t> m_queue; // not yet sent, from m_queueStart on
    size_t m_queueStart = 0;
    // Tasks and callbacks that outlive the connection find this expired.
    std::shared_ptr<int> m_alive = std::make_shared<int>(0);
};

} // namespace vivarium
