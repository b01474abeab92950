#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

bool canonical(uint64_t address) {
    return static_cast<int64_t>(address << 16) >> 16 == static_cast<int64_t>(address);
}

// Intel SDM 2B, SYSCALL. In 32-bit code only AMD's processors know it.
void syscall(Engine& e) {
    CpuState& state = e.state;
    Engine::requireDefined((state.efer & kEferSce) && !e.realMode() && !e.vm86());
    Engine::requireDefined(e.is64() || e.features.amd());
    const auto selector = static_cast<uint16_t>((state.star >> 32) & 0xFFFC);
    if (longModeActive(state)) {
        const uint64_t target = e.is64() ? state.lstar : state.cstar;
        state.gpr[kRcx] = e.nextRip;
        state.gpr[11] = state.rflags & ~uint64_t{kFlagRf};
        const bool trapped = state.rflags & kFlagTf;
        state.rflags = (state.rflags & ~(state.sfmask | kFlagRf)) | kFlagFixed;
        e.suppressTrap = trapped && !(state.rflags & kFlagTf);
        e.nextRip = target;
        e.setFlatCode(selector, 0, true, false);
    } else {
        e.setGpr(kRcx, 4, e.nextRip);
        state.rflags &= ~uint64_t{kFlagIf | kFlagVm | kFlagRf};
        e.nextRip = state.star & 0xFFFFFFFF;
        e.setFlatCode(selector, 0, false, true);
    }
    e.setFlatStack(static_cast<uint16_t>(selector + 8), 0);
}

void sysret(Engine& e) {
    CpuState& state = e.state;
    Engine::requireDefined((state.efer & kEferSce) && !e.realMode() && !e.vm86());
    Engine::requireDefined(e.is64() || e.features.amd());
    e.requirePrivilege0();
    const auto base = static_cast<uint16_t>(state.star >> 48);
    const bool to64 = e.is64() && e.instruction->operandBytes == 8;
    if (to64)
        e.require(canonical(state.gpr[kRcx]), kGeneralProtection, 0);
    e.nextRip = to64 ? state.gpr[kRcx] : state.gpr[kRcx] & 0xFFFFFFFF;
    if (longModeActive(state))
        state.rflags = (state.gpr[11] & 0x3C7FD7) | kFlagFixed;
    else
        state.rflags |= kFlagIf;
    e.setFlatCode(static_cast<uint16_t>((to64 ? base + 16 : base) | 3), 3, to64, !to64);
    e.setFlatStack(static_cast<uint16_t>((base + 8) | 3), 3);
}

void sysenter(Engine& e) {
    CpuState& state = e.state;
    e.require(!e.realMode() && (state.sysenterCs & 0xFFFC) != 0, kGeneralProtection, 0);
    const bool longMode = longModeActive(state);
    const auto selector = static_cast<uint16_t>(state.sysenterCs & 0xFFFC);
    state.rflags &= ~uint64_t{kFlagVm | kFlagIf | kFlagRf};
    e.nextRip = longMode ? state.sysenterEip : state.sysenterEip & 0xFFFFFFFF;
    state.gpr[kRsp] = longMode ? state.sysenterEsp : state.sysenterEsp & 0xFFFFFFFF;
    e.setFlatCode(selector, 0, longMode, !longMode);
    e.setFlatStack(static_cast<uint16_t>(selector + 8), 0);
}

void sysexit(Engine& e) {
    CpuState& state = e.state;
    e.require(!e.realMode() && (state.sysenterCs & 0xFFFC) != 0, kGeneralProtection, 0);
    e.requirePrivilege0();
    const bool to64 = e.is64() && e.instruction->operandBytes == 8;
    if (to64)
        e.require(canonical(state.gpr[kRcx]) && canonical(state.gpr[kRdx]), kGeneralProtection, 0);
    const auto base = static_cast<uint16_t>((state.sysenterCs & 0xFFFC) + (to64 ? 32 : 16));
    e.nextRip = to64 ? state.gpr[kRdx] : state.gpr[kRdx] & 0xFFFFFFFF;
    state.gpr[kRsp] = to64 ? state.gpr[kRcx] : state.gpr[kRcx] & 0xFFFFFFFF;
    e.setFlatCode(static_cast<uint16_t>(base | 3), 3, to64, !to64);
    e.setFlatStack(static_cast<uint16_t>((base + 8) | 3), 3);
}

} // namespace

void addSystemCalls(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_SYSCALL] = syscall;
    table[ZYDIS_MNEMONIC_SYSRET] = sysret;
    table[ZYDIS_MNEMONIC_SYSENTER] = sysenter;
    table[ZYDIS_MNEMONIC_SYSEXIT] = sysexit;
}

} // namespace vivarium::softcpu
