#pragma once

#include "vmm/firmware/boot/boot_layout.h"

#include <cstdlib>

// The guest that the boot fuzzers load into: small, so that a round is short.
namespace vivarium::fuzz {

inline const GuestMemory& memory() {
    static const GuestMemory instance = [] {
        auto created = GuestMemory::create(4 << 20);
        if (!created)
            std::abort();
        return std::move(*created);
    }();
    return instance;
}

inline const std::vector<BootMemoryRange>& memoryMap() {
    static const std::vector<BootMemoryRange> map{
        {0, 0x9FC00, BootMemoryRange::Type::Usable},
        {0x100000, (4 << 20) - 0x100000, BootMemoryRange::Type::Usable}};
    return map;
}

} // namespace vivarium::fuzz
