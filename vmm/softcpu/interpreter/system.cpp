#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

#include <bit>

namespace vivarium::softcpu {

uint32_t xsaveBytes(uint64_t components, bool compacted);

void moveControlRegister(Engine& e) {
    e.requirePrivilege0();
    const bool toControl = e.operand(0).kind == OperandKind::Control;
    const unsigned number = e.operand(toControl ? 0 : 1).reg, bytes = e.is64() ? 8 : 4;
    CpuState& state = e.state;
    if (!toControl) {
        const unsigned reg = e.operand(0).reg;
        switch (number) {
        case 0:
            return e.setGpr(reg, bytes, state.cr0);
        case 2:
            return e.setGpr(reg, bytes, state.cr2);
        case 3:
            return e.setGpr(reg, bytes, state.cr3);
        case 4:
            return e.setGpr(reg, bytes, state.cr4);
        case 8:
            return e.setGpr(reg, bytes, e.platform.taskPriority());
        default:
            Engine::raise(kInvalidOpcode);
        }
    }
    const uint64_t value = e.gpr(e.operand(1).reg, bytes);
    switch (number) {
    case 0:
        return e.setCr0(value);
    case 2:
        state.cr2 = value;
        return;
    case 3:
        return e.setCr3(value);
    case 4:
        return e.setCr4(value);
    case 8:
        e.require(value <= 15, kGeneralProtection, 0);
        state.cr8 = value;
        return e.platform.setTaskPriority(static_cast<uint8_t>(value));
    default:
        Engine::raise(kInvalidOpcode);
    }
}

void moveDebugRegister(Engine& e) {
    constexpr uint64_t kGeneralDetect = 1 << 13, kDr6Fixed = 0xFFFF0FF0, kDr6Writable = 0xE00F,
                       kDr7Fixed = 0x400, kDr7Writable = 0xFFFF23FF;
    CpuState& state = e.state;
    const bool toDebug = e.operand(0).kind == OperandKind::Debug;
    unsigned number = e.operand(toDebug ? 0 : 1).reg;
    Engine::requireDefined(number < 8);
    if (number == 4 || number == 5) { // names of DR6 and DR7 without debugging extensions
        Engine::requireDefined(!(state.cr4 & kCr4De));
        number += 2;
    }
    e.requirePrivilege0();
    if (state.dr[7] & kGeneralDetect)
        throw GuestException{.vector = kDebugException, .debugStatus = 1 << 13};
    const unsigned bytes = e.is64() ? 8 : 4;
    if (!toDebug)
        return e.setGpr(e.operand(0).reg, bytes, state.dr[number]);
    uint64_t value = e.gpr(e.operand(1).reg, bytes);
    if (number >= 6)
        e.require((value >> 32) == 0, kGeneralProtection, 0);
    if (number == 6)
        value = (value & kDr6Writable) | kDr6Fixed;
    else if (number == 7)
        value = (value & kDr7Writable) | kDr7Fixed;
    state.dr[number] = value;
    e.modeChanged();
}

namespace {

bool canonical(uint64_t address) {
    return static_cast<int64_t>(address << 16) >> 16 == static_cast<int64_t>(address);
}

void lmsw(Engine& e) {
    e.requirePrivilege0();
    const uint64_t value = e.read(0) & 0xF;
    // PE can be set but not cleared.
    e.setCr0((e.state.cr0 & ~uint64_t{kCr0Mp | kCr0Em | kCr0Ts}) | value);
}

void smsw(Engine& e) {
    e.require(!(e.state.cr4 & kCr4Umip) || cpl(e.state) == 0, kGeneralProtection, 0);
    e.write(0, e.state.cr0);
}

void clts(Engine& e) {
    e.requirePrivilege0();
    e.state.cr0 &= ~uint64_t{kCr0Ts};
    e.modeChanged();
}

void cli(Engine& e) {
    e.require(e.state.modeKey & mode::kIoPrivileged, kGeneralProtection, 0);
    e.setFlag(kFlagIf, false);
}

void sti(Engine& e) {
    e.require(e.state.modeKey & mode::kIoPrivileged, kGeneralProtection, 0);
    if (!e.flag(kFlagIf)) {
        e.state.interruptShadow = kShadowSti;
        e.shadowNext = true;
    }
    e.setFlag(kFlagIf, true);
}

void hlt(Engine& e) {
    e.requirePrivilege0();
    e.state.activity = Activity::Halted;
    e.outcome = StepResult::Halted;
}

void invlpg(Engine& e) {
    e.requirePrivilege0();
    uint64_t address = e.effectiveOffset();
    if (!e.is64() || e.instruction->memory.segment >= kFs)
        address += e.state.segment[e.instruction->memory.segment].base;
    if (!e.is64())
        address &= 0xFFFFFFFF;
    e.mmu.tlb().flushPage(address);
}

void invpcid(Engine& e) {
    e.requirePrivilege0();
    const uint64_t type = e.gpr(e.operand(0).reg, e.is64() ? 8 : 4);
    const uint64_t address = e.operandLinear(16, AccessKind::Read);
    uint64_t descriptor[2];
    e.loadBytes(address, descriptor, 16, dataTlbMode(e.state));
    e.require(type <= 3 && (descriptor[0] >> 12) == 0, kGeneralProtection, 0);
    if (type < 2 && !(e.state.cr4 & kCr4Pcide))
        e.require(descriptor[0] == 0, kGeneralProtection, 0);
    if (type == 0) {
        e.require(canonical(descriptor[1]), kGeneralProtection, 0);
        return e.mmu.tlb().flushPage(descriptor[1]);
    }
    if (type == 2)
        e.mmu.tlb().flushAll();
    else
        e.mmu.tlb().flushNonGlobal();
}

void privilegedNoOperation(Engine& e) {
    e.requirePrivilege0();
} // caches are the host's

void readTsc(Engine& e) {
    e.require(!(e.state.cr4 & kCr4Tsd) || cpl(e.state) == 0, kGeneralProtection, 0);
    const uint64_t value = e.guestTsc();
    e.setGpr(kRax, 4, value);
    e.setGpr(kRdx, 4, value >> 32);
}

void rdtscp(Engine& e) {
    readTsc(e);
    e.setGpr(kRcx, 4, e.state.tscAux);
}

void rdpid(Engine& e) {
    e.setGpr(e.operand(0).reg, 8, e.state.tscAux & 0xFFFFFFFF);
}
void rdpmc(Engine&) {
    Engine::raise(kGeneralProtection, 0);
} // no counters

void cpuid(Engine& e) {
    const auto leaf = static_cast<uint32_t>(e.state.gpr[kRax]),
               subleaf = static_cast<uint32_t>(e.state.gpr[kRcx]);
    CpuidResult result = e.platform.cpuid(leaf, subleaf);
    constexpr uint32_t kOsxsave = 1u << 27;
    if (leaf == 1)
        result.ecx = (result.ecx & ~kOsxsave) | (e.state.cr4 & kCr4Osxsave ? kOsxsave : 0);
    if (leaf == 0xD && subleaf == 0 && result.eax != 0)
        result.ebx = xsaveBytes(e.state.xcr0, false);
    if (leaf == 0xD && subleaf == 1 && result.eax != 0)
        result.ebx = xsaveBytes(e.state.xcr0, true);
    e.setGpr(kRax, 4, result.eax);
    e.setGpr(kRbx, 4, result.ebx);
    e.setGpr(kRcx, 4, result.ecx);
    e.setGpr(kRdx, 4, result.edx);
}

template <bool value>
void assignAc(Engine& e) { // STAC, CLAC
    Engine::requireDefined(cpl(e.state) == 0);
    e.setFlags(value ? kFlagAc : 0, kFlagAc);
}

void swapgs(Engine& e) {
    e.requirePrivilege0();
    std::swap(e.state.segment[kGs].base, e.state.kernelGsBase);
}

template <unsigned segment>
void readBase(Engine& e) {
    Engine::requireDefined(e.state.cr4 & kCr4Fsgsbase);
    e.write(0, e.state.segment[segment].base);
}

template <unsigned segment>
void writeBase(Engine& e) {
    Engine::requireDefined(e.state.cr4 & kCr4Fsgsbase);
    const uint64_t base = e.read(0);
    e.require(canonical(base), kGeneralProtection, 0);
    e.state.segment[segment].base = base;
}

void monitor(Engine& e) {
    e.requirePrivilege0();
    e.require((e.state.gpr[kRcx] & 0xFFFFFFFF) == 0, kGeneralProtection, 0);
    const unsigned segment =
        e.instruction->segmentOverride == kNoRegister ? kDs : e.instruction->segmentOverride;
    e.readMemory(segment, e.gpr(kRax, e.instruction->addressBytes), 1);
}

void hypercall(Engine& e) { // VMCALL, VMMCALL
    CpuPlatform::Hypercall call;
    const unsigned bytes = e.is64() ? 8 : 4;
    call.number = e.gpr(kRax, bytes);
    constexpr unsigned kArguments[] = {kRbx, kRcx, kRdx, kRsi};
    for (size_t i = 0; i < call.arguments.size(); ++i)
        call.arguments[i] = e.gpr(kArguments[i], bytes);
    call.privileged = cpl(e.state) == 0;
    call.wide = e.is64();
    const auto result = e.platform.hypercall(call);
    Engine::requireDefined(result.has_value());
    e.setGpr(kRax, bytes, *result);
}

// As HLT: nobody watches the monitored line, which is why the model does not offer it. A wake-up is
// allowed for any reason (Intel SDM 2B, MWAIT), so where an interrupt that is held back has to be
// one, it ends at once.
void mwait(Engine& e) {
    e.requirePrivilege0();
    e.require((e.state.gpr[kRcx] & 0xFFFFFFFE) == 0, kGeneralProtection, 0);
    const bool maskedInterruptsWake = e.state.gpr[kRcx] & 1;
    if (!maskedInterruptsWake || e.flag(kFlagIf))
        hlt(e);
}

template <bool seed>
void randomNumber(Engine& e) {
    uint64_t value;
    bool valid;
    if constexpr (seed)
        asm volatile("rdseed %0" : "=r"(value), "=@ccc"(valid));
    else
        asm volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
    e.write(0, valid ? value : 0);
    e.setArithmetic(valid ? kFlagCf : 0);
}

} // namespace

void addSystem(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_LMSW] = lmsw;
    table[ZYDIS_MNEMONIC_SMSW] = smsw;
    table[ZYDIS_MNEMONIC_CLTS] = clts;
    table[ZYDIS_MNEMONIC_CLI] = cli;
    table[ZYDIS_MNEMONIC_STI] = sti;
    table[ZYDIS_MNEMONIC_HLT] = hlt;
    table[ZYDIS_MNEMONIC_INVLPG] = invlpg;
    table[ZYDIS_MNEMONIC_INVPCID] = invpcid;
    table[ZYDIS_MNEMONIC_INVD] = table[ZYDIS_MNEMONIC_WBINVD] = privilegedNoOperation;
    table[ZYDIS_MNEMONIC_RDTSC] = readTsc;
    table[ZYDIS_MNEMONIC_RDTSCP] = rdtscp;
    table[ZYDIS_MNEMONIC_RDPID] = rdpid;
    table[ZYDIS_MNEMONIC_RDPMC] = rdpmc;
    table[ZYDIS_MNEMONIC_CPUID] = cpuid;
    table[ZYDIS_MNEMONIC_STAC] = assignAc<true>;
    table[ZYDIS_MNEMONIC_CLAC] = assignAc<false>;
    table[ZYDIS_MNEMONIC_SWAPGS] = swapgs;
    table[ZYDIS_MNEMONIC_RDFSBASE] = readBase<kFs>;
    table[ZYDIS_MNEMONIC_RDGSBASE] = readBase<kGs>;
    table[ZYDIS_MNEMONIC_WRFSBASE] = writeBase<kFs>;
    table[ZYDIS_MNEMONIC_WRGSBASE] = writeBase<kGs>;
    table[ZYDIS_MNEMONIC_MONITOR] = monitor;
    table[ZYDIS_MNEMONIC_MWAIT] = mwait;
    table[ZYDIS_MNEMONIC_VMCALL] = table[ZYDIS_MNEMONIC_VMMCALL] = hypercall;
    table[ZYDIS_MNEMONIC_RDRAND] = randomNumber<false>;
    table[ZYDIS_MNEMONIC_RDSEED] = randomNumber<true>;
}

} // namespace vivarium::softcpu
