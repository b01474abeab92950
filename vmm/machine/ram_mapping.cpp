#include "vmm/machine/ram_mapping.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

constexpr GuestAddress kConventionalEnd = 0xA0000;
constexpr GuestAddress kExtendedStart = 0x100000;

} // namespace

Result<std::vector<MemoryMapping>> mapGuestRam(MemoryMap& map, const GuestMemory& memory) {
    std::vector<MemoryMapping> mappings;
    const auto add = [&](const char* name, GuestAddress base, GuestAddress end,
                         uint64_t offset) -> Result<void> {
        if (base >= end)
            return {};
        MemoryRegion region;
        region.name = name;
        region.base = base;
        region.sizeBytes = end - base;
        region.kind = MemoryKind::Ram;
        region.host = memory.mapping().data() + offset;
        mappings.push_back(TRY(map.map(std::move(region))));
        return {};
    };
    for (const RamRange& range : memory.ranges()) {
        const GuestAddress end = range.base + range.sizeBytes;
        if (range.base != 0) {
            TRY(add("high-ram", range.base, end, range.offsetBytes));
            continue;
        }
        TRY(add("conventional-ram", 0, std::min(end, kConventionalEnd), 0));
        TRY(add("extended-ram", kExtendedStart, end, kExtendedStart));
    }
    return mappings;
}

} // namespace vivarium
