#pragma once

#include "vmm/base/result.h"

#include <bit>
#include <cstdint>

namespace vivarium {

// How a machine's processors are arranged. Numbers of one level within the level above.
struct CpuTopology {
    uint32_t sockets = 1;
    uint32_t cores = 1;
    uint32_t threads = 1;

    uint32_t cpuCount() const { return sockets * cores * threads; }
    uint32_t cpusPerSocket() const { return cores * threads; }
    // Bits of an APIC id below the core number, and below the socket number: each level is rounded
    // up to a power of two (Intel SDM 3A, 9.9.3).
    uint32_t coreShift() const { return bitsFor(threads); }
    uint32_t socketShift() const { return coreShift() + bitsFor(cores); }

private:
    static uint32_t bitsFor(uint32_t count) {
        return count <= 1 ? 0 : static_cast<uint32_t>(std::bit_width(count - 1));
    }
};

// One socket with `cpuCount` cores: what every guest system understands.
inline CpuTopology defaultTopology(uint32_t cpuCount) {
    return {.sockets = 1, .cores = cpuCount, .threads = 1};
}

// Errors: InvalidArgument (a level of 0, or more than 65,536 processors).
Result<void> checkTopology(const CpuTopology& topology);

// The APIC id of processor `index` (< cpuCount): also the KVM vCPU id and the MADT's id. Ids have
// gaps when a level is not a power of two; firmware's "maximum CPUs" is the highest id plus one.
uint32_t apicIdOf(const CpuTopology& topology, uint32_t index);

} // namespace vivarium
