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

// The same for a device whose registers are bytes: wider accesses become one call a byte, lowest
// offset first, as the 8-bit ISA bus makes them.
//     uint8_t readRegister(uint64_t offset);
//     void writeRegister(uint64_t offset, uint8_t value);
template <auto ReadMember, auto WriteMember, class Device>
IoHandler byteIoHandler(Device* device, IoLocking locking = IoLocking::Exclusive) {
    return {device,
            [](void* self, uint64_t offset, unsigned sizeBytes) -> uint64_t {
                uint64_t value = 0;
                for (unsigned i = 0; i < sizeBytes; ++i)
                    value |= uint64_t{(static_cast<Device*>(self)->*ReadMember)(offset + i)}
                             << (8 * i);
                return value;
            },
            [](void* self, uint64_t offset, unsigned sizeBytes, uint64_t value) {
                for (unsigned i = 0; i < sizeBytes; ++i)
                    (static_cast<Device*>(self)->*WriteMember)(
                        offset + i, static_cast<uint8_t>(value >> (8 * i)));
            },
            locking};
}

} // namespace vivarium
