#pragma once

#include <cstdint>

namespace vivarium {

// How a region's handler is called. Exclusive (the rule): with the machine's device lock held.
// LockFree: concurrently from any vCPU thread; the handler synchronises itself (PM timer).
enum class IoLocking { Exclusive, LockFree };

// A device's register block as the buses call it: two plain function pointers and the device.
// Offsets are relative to the region's start. Accesses arrive as 1, 2, 4 or 8 bytes, never cross
// the region's end, and are little-endian values in the low bytes. Reads of what does not exist
// return all ones; writes to it are ignored.
struct IoHandler {
    using Read = uint64_t (*)(void* device, uint64_t offset, unsigned sizeBytes);
    using Write = void (*)(void* device, uint64_t offset, unsigned sizeBytes, uint64_t value);

    void* device = nullptr;
    Read read = nullptr;
    Write write = nullptr;
    IoLocking locking = IoLocking::Exclusive;
};

// The handler for two member functions:
//     ioHandler<&Rtc::readPort, &Rtc::writePort>(this)
//     uint64_t readPort(uint64_t offset, unsigned sizeBytes);
//     void writePort(uint64_t offset, unsigned sizeBytes, uint64_t value);
template <auto ReadMember, auto WriteMember, class Device>
IoHandler ioHandler(Device* device, IoLocking locking = IoLocking::Exclusive) {
    return {device,
            [](void* self, uint64_t offset, unsigned sizeBytes) -> uint64_t {
                return (static_cast<Device*>(self)->*ReadMember)(offset, sizeBytes);
            },
            [](void* self, uint64_t offset, unsigned sizeBytes, uint64_t value) {
                (static_cast<Device*>(self)->*WriteMember)(offset, sizeBytes, value);
            },
            locking};
}

} // namespace vivarium
