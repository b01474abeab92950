#pragma once

#include "vmm/kvm/cpu_topology.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// One leaf as KVM_GET_SUPPORTED_CPUID and KVM_SET_CPUID2 transport it (the kernel's struct
// kvm_cpuid_entry2).
struct CpuidEntry {
    static constexpr uint32_t kSignificantIndex = 1; // the leaf has sub-leaves
    uint32_t function = 0;
    uint32_t index = 0;
    uint32_t flags = 0;
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    uint32_t padding[3] = {};
};
static_assert(sizeof(CpuidEntry) == 40);

struct CpuidOptions {
    CpuTopology topology;
    uint32_t cpuIndex = 0;
    bool tscDeadlineTimer = false; // KVM_CAP_TSC_DEADLINE_TIMER
};

// What processor `options.cpuIndex` of a guest reports: `supported` (the host's features and brand,
// KVM's paravirtual leaves at 0x40000000) with the hypervisor bit, the guest's topology and without
// the performance counters, which a saved state could not carry to another host.
std::vector<CpuidEntry> guestCpuid(const std::vector<CpuidEntry>& supported,
                                   const CpuidOptions& options);

// The entry for a leaf; null when there is none.
const CpuidEntry* findCpuid(const std::vector<CpuidEntry>& entries, uint32_t function,
                            uint32_t index = 0);

} // namespace vivarium
