#pragma once

#include "vmm/base/bytes.h"

#include <array>
#include <cstdint>

namespace vivarium {

// One submission queue entry (NVMe 1.4, 4.2), as it was when it was read.
struct NvmeCommand {
    std::array<uint8_t, 64> bytes{};

    uint32_t word(unsigned index) const { return loadLe<uint32_t>(&bytes[4 * index]); }
    uint64_t longWord(unsigned index) const { return loadLe<uint64_t>(&bytes[4 * index]); }
    uint8_t opcode() const { return bytes[0]; }
    uint8_t flags() const { return bytes[1]; } // fused operation and PRP or SGL: 0 here
    uint16_t id() const { return loadLe<uint16_t>(&bytes[2]); }
    uint32_t namespaceId() const { return word(1); }
    uint64_t prp1() const { return longWord(6); }
    uint64_t prp2() const { return longWord(8); }
};

} // namespace vivarium
