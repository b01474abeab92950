#pragma once

#include "vmm/base/result.h"
#include "vmm/bus/vcpu.h"
#include "vmm/devices/interrupt/local_apic.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/paravirtual/paravirtual_cpu.h"

#include <cstdint>

namespace vivarium {

// A CpuState as registers for loaders and reports (CR8 is the local APIC's), and back. Whoever
// applies them recomputes what depends on them.
VcpuRegisters registersOf(const softcpu::CpuState& state);
void applyRegisters(const VcpuRegisters& registers, softcpu::CpuState& state);

// A vCPU's section in the format of vmm/kvm/kvm_vcpu_state.h: the kernel's structures, so that a
// machine saved under KVM goes on in software and the other way round.
struct StateTime {
    uint64_t nowNs = 0; // guest time
    uint64_t ticks = 0; // what time stamps without an offset count to then
};
void saveVcpu(StateWriter& writer, const softcpu::CpuState& state, const LocalApic::State& apic,
              const ParavirtualCpu& paravirtual, StateTime time);
// Hostile bytes. Errors: Corrupt; Unsupported (a guest that uses what only the other CPU has).
Result<void> restoreVcpu(StateReader& reader, softcpu::CpuState& state, LocalApic::State& apic,
                         ParavirtualCpu& paravirtual, StateTime time);

} // namespace vivarium
