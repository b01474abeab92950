#pragma once

#include <array>
#include <cstdint>

namespace vivarium {

// What the firmware boots from, as SeaBIOS reads it from CMOS where fw_cfg has no "bootorder".
enum class CmosBootDevice : uint8_t { None = 0, Floppy = 1, Disk = 2, Optical = 3, Network = 4 };

struct CmosContents {
    uint64_t memoryBelow4GiB = 0; // bytes, whole MiB, at least 1 MiB
    uint64_t memoryAbove4GiB = 0; // bytes
    uint32_t cpuCount = 1;        // at least 1; the byte holds up to 256
    std::array<CmosBootDevice, 3> bootOrder{CmosBootDevice::Disk, CmosBootDevice::Optical,
                                            CmosBootDevice::None};
};

// The 256 bytes of CMOS memory as a PC's firmware expects to find them, clock registers A to D
// zero. Firmware that has fw_cfg takes memory sizes, CPU count and boot order from there.
std::array<uint8_t, 256> initialCmosMemory(const CmosContents& contents);

} // namespace vivarium
