#pragma once

#include "vmm/backends/serial/character_backend.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"
#include "vmm/bus/device_lock.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium {

// Serial output into a regular file, written by the loop's thread in large pieces so that a slow
// disk does not hold a vCPU up. Output that the disk does not take is dropped, with one log line.
// Created and destroyed on the loop's thread or with the loop at rest; the destructor writes what
// is left and needs the device lock free.
class FileBackend final : public CharacterBackend {
public:
    static constexpr size_t kMaxQueuedBytes = 1 << 20;

    FileBackend(EventLoop& loop, DeviceLock& deviceLock, UniqueFd file)
        : m_loop(loop), m_deviceLock(deviceLock), m_file(std::move(file)) {}
    ~FileBackend() override { flush(); }

    void write(ConstByteSpan bytes) override;
    void setReceiver(Receiver) override {}
    void setReceiveRoom(size_t) override {}

private:
    void flush();

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    UniqueFd m_file;
    std::vector<uint8_t> m_queue; // guarded by the device lock
    bool m_flushScheduled = false;
    bool m_complained = false;
    std::shared_ptr<int> m_alive = std::make_shared<int>(0);
};

} // namespace vivarium
