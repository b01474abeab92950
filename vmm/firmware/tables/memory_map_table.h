#pragma once

#include "vmm/firmware/boot/direct_boot.h"
#include "vmm/firmware/tables/platform_description.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// fw_cfg's "etc/e820": RAM only; firmware adds what it reserves.
std::vector<uint8_t> e820File(const PlatformDescription& platform);

// The memory map that a kernel started without firmware is given: RAM, and as reserved what the
// tables (0x9FC00..1 MiB without video memory), PCI configuration space and the chipset occupy.
std::vector<BootMemoryRange> directBootMemoryMap(const PlatformDescription& platform);

} // namespace vivarium
