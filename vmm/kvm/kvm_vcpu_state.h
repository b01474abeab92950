#pragma once

#include "vmm/base/result.h"
#include "vmm/kvm/kvm_system.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <vector>

namespace vivarium {

struct MsrEntry { // the kernel's struct kvm_msr_entry
    uint32_t index = 0;
    uint32_t reserved = 0;
    uint64_t value = 0;
};

// Everything that a KVM vCPU holds, as the kernel's structures (their layout is the kernel's stable
// interface, so it may stand in a saved state).
struct KvmVcpuState {
    std::vector<uint8_t> regs, sregs, xsave, xcrs, debugRegs, lapic, mpState, events;
    std::vector<MsrEntry> msrs;

    // Time-stamp counter and deadline belong to a moment; a reset leaves them alone.
    enum class Scope { Everything, Reset };
    static Result<KvmVcpuState> read(const KvmSystem& system, int vcpuFd);
    Result<void> apply(const KvmSystem& system, int vcpuFd, Scope scope) const;

    void save(StateWriter& writer) const;
    // Checks sizes and that only registers of `system.savedMsrs()` are named.
    static Result<KvmVcpuState> load(StateReader& reader, const KvmSystem& system);
};

} // namespace vivarium
