#pragma once

#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/translator/emitter.h"

#include <cstddef>

namespace vivarium::softcpu {

// Where guest registers live while translated code runs; README.md says why so. RCX, R14 and R15
// of the host are scratch, RSP is the host's stack, guest R12 to R15 stay in CpuState.
inline constexpr HostRegister kScratch = kHostRcx, kAddress = kHostR14, kAddend = kHostR15;
// The stack pointer's low six bits, all that a shift count has, are the page size's logarithm: it
// is the constant that turns addresses into page numbers.
inline constexpr HostRegister kPageShift = kHostRsp;
inline constexpr int32_t kStackAlignment = 64, kStackRemainder = 12;
inline constexpr HostRegister kHomes[16] = {
    kHostRax, kHostR12, kHostRdx, kHostRbx, kHostR13,  kHostRbp,  kHostRsi,  kHostRdi,
    kHostR8,  kHostR9,  kHostR10, kHostR11, kHostNone, kHostNone, kHostNone, kHostNone};
inline constexpr HostRegister kGuestRcxHome = kHostR12, kGuestRspHome = kHostR13;

// A field of the CpuState, through GS.
inline HostMemory stateField(size_t offset) {
    HostMemory memory;
    memory.displacement = static_cast<int32_t>(offset);
    memory.gsRelative = true;
    return memory;
}
inline HostMemory gprField(unsigned guest) {
    return stateField(offsetof(CpuState, gpr) + guest * sizeof(uint64_t));
}
inline HostMemory dataField(const void* field) {
    HostMemory memory;
    memory.absolute = field;
    return memory;
}
inline HostMemory baseAnd(HostRegister base, int32_t displacement) {
    HostMemory memory;
    memory.base = base;
    memory.displacement = displacement;
    return memory;
}
inline HostMemory sumOf(HostRegister base, HostRegister index, int32_t displacement = 0) {
    HostMemory memory;
    memory.base = base;
    memory.index = index;
    memory.displacement = displacement;
    return memory;
}

} // namespace vivarium::softcpu
