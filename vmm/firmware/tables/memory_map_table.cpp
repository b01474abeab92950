#include "vmm/firmware/tables/memory_map_table.h"

#include "vmm/base/bytes.h"

#include <algorithm>

namespace vivarium {

namespace {
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr GuestAddress kHighRamBase = 4 * kGiB;
constexpr uint64_t kPci64End = 512 * kGiB;
constexpr uint32_t kE820Ram = 1;
constexpr GuestAddress kExtendedBiosArea = 0x9FC00;
constexpr GuestAddress kVideoMemory = 0xA0000;
constexpr GuestAddress kFirmwareArea = 0xE0000;
constexpr GuestAddress kChipsetArea = 0xFEC00000; // IOAPIC, HPET, root complex, local APICs
} // namespace

void choosePci64Window(PlatformDescription& platform, unsigned physicalAddressBits) {
    physicalAddressBits = std::clamp(physicalAddressBits, 32u, 52u);
    GuestAddress base = alignUp(kHighRamBase + platform.memoryAbove4GiB, kGiB);
    GuestAddress end = uint64_t{1} << physicalAddressBits;
    if (base < kPci64End)
        end = std::min(end, kPci64End);
    bool fits = base < end && end - base >= kGiB;
    platform.pci64Base = fits ? base : 0;
    platform.pci64Bytes = fits ? end - base : 0;
}

std::vector<uint8_t> e820File(const PlatformDescription& platform) {
    std::vector<uint8_t> file;
    auto add = [&](GuestAddress base, uint64_t sizeBytes) {
        if (sizeBytes == 0)
            return;
        size_t at = file.size();
        file.resize(at + 20);
        storeLe<uint64_t>(&file[at], base);
        storeLe<uint64_t>(&file[at + 8], sizeBytes);
        storeLe<uint32_t>(&file[at + 16], kE820Ram);
    };
    add(0, platform.memoryBelow4GiB);
    add(kHighRamBase, platform.memoryAbove4GiB);
    return file;
}

std::vector<BootMemoryRange> directBootMemoryMap(const PlatformDescription& platform) {
    using Type = BootMemoryRange::Type;
    std::vector<BootMemoryRange> map{
        {0, kExtendedBiosArea, Type::Usable},
        {kExtendedBiosArea, kVideoMemory - kExtendedBiosArea, Type::Reserved},
        {kFirmwareArea, kMiB - kFirmwareArea, Type::Reserved},
    };
    if (platform.memoryBelow4GiB > kMiB)
        map.push_back({kMiB, platform.memoryBelow4GiB - kMiB, Type::Usable});
    map.push_back({platform.ecamBase, platform.ecamBytes, Type::Reserved});
    map.push_back({kChipsetArea, kHighRamBase - kChipsetArea, Type::Reserved});
    if (platform.memoryAbove4GiB > 0)
        map.push_back({kHighRamBase, platform.memoryAbove4GiB, Type::Usable});
    return map;
}

} // namespace vivarium
