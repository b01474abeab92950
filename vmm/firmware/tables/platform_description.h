#pragma once

#include "vmm/base/guest_address.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// What the tables tell a guest about its machine. Fixed addresses of the Q35-style PC are the
// defaults; vmm/devices/README.md holds the map they come from.
struct PlatformDescription {
    std::vector<uint32_t> apicIds{0};   // of the processors that answer at start, the first first
    uint64_t memoryBelow4GiB = 0;       // bytes from address 0, at most ecamBase
    uint64_t memoryAbove4GiB = 0;       // bytes from 4 GiB
    GuestAddress ecamBase = 0xB0000000; // PCI Express configuration space of 256 buses
    uint32_t ecamBytes = 0x10000000;
    GuestAddress pci32Base = 0xC0000000; // where 32-bit BARs may lie
    uint32_t pci32Bytes = 0x3EC00000;    // up to the IOAPIC at 0xFEC00000
    GuestAddress pci64Base = 0;          // likewise above 4 GiB, whole GiB
    uint64_t pci64Bytes = 0;             // 0: none
    uint8_t serialPorts = 0;             // bit n: COM n+1
    enum class HpetPresence { Absent, Present } hpet = HpetPresence::Present;
};

// Chooses the 64-bit PCI window: from the first GiB after RAM (and after 4 GiB) to 512 GiB or what
// `physicalAddressBits` (32..52) reaches, whichever is less; none when less than 1 GiB is left.
void choosePci64Window(PlatformDescription& platform, unsigned physicalAddressBits);

} // namespace vivarium
