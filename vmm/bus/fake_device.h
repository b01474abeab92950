#pragma once

#include "vmm/bus/device_lock.h"
#include "vmm/bus/io_handler.h"

#include <cstdint>
#include <string>
#include <utility>

namespace vivarium::test {

// Answers with the offset of each byte plus `tag` and writes a log.
class FakeDevice {
public:
    explicit FakeDevice(DeviceLock& deviceLock, uint8_t tagValue = 0)
        : lock(deviceLock), tag(tagValue) {}

    IoHandler handler(IoLocking locking = IoLocking::Exclusive) {
        return ioHandler<&FakeDevice::read, &FakeDevice::write>(this, locking);
    }
    uint64_t read(uint64_t offset, unsigned sizeBytes) {
        noteLock();
        log += "r" + std::to_string(offset) + ":" + std::to_string(sizeBytes) + " ";
        uint64_t value = 0;
        for (unsigned i = 0; i < 8; ++i) // more than asked for: the bus cuts it
            value |= uint64_t{static_cast<uint8_t>(tag + offset + i)} << (8 * i);
        return value;
    }
    void write(uint64_t offset, unsigned sizeBytes, uint64_t value) {
        noteLock();
        log += "w" + std::to_string(offset) + ":" + std::to_string(sizeBytes) + "=" +
               std::to_string(value) + " ";
    }
    std::string takeLog() { return std::exchange(log, {}); }

    DeviceLock& lock;
    uint8_t tag;
    std::string log;
    bool wasLocked = false;

private:
    void noteLock() {
        wasLocked = !lock.try_lock();
        if (!wasLocked)
            lock.unlock();
    }
};

} // namespace vivarium::test
