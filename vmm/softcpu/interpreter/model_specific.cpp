#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

// MSR numbers (Intel SDM 4, 2.1; AMD APM 2, appendix A).
constexpr uint32_t kMsrPlatformId = 0x17, kMsrApicBase = 0x1B, kMsrTsc = 0x10, kMsrTscAdjust = 0x3B,
                   kMsrMicrocode = 0x8B, kMsrMtrrCap = 0xFE, kMsrSysenterCs = 0x174,
                   kMsrSysenterEsp = 0x175, kMsrSysenterEip = 0x176, kMsrMcgCap = 0x179,
                   kMsrMcgStatus = 0x17A, kMsrMiscEnable = 0x1A0, kMsrDebugControl = 0x1D9,
                   kMsrMtrrBase0 = 0x200, kMsrMtrrFix64k = 0x250, kMsrMtrrFix16k = 0x258,
                   kMsrMtrrFix4k = 0x268, kMsrPat = 0x277, kMsrMtrrDefault = 0x2FF,
                   kMsrEfer = 0xC0000080, kMsrStar = 0xC0000081, kMsrLstar = 0xC0000082,
                   kMsrCstar = 0xC0000083, kMsrSfmask = 0xC0000084, kMsrFsBase = 0xC0000100,
                   kMsrGsBase = 0xC0000101, kMsrKernelGsBase = 0xC0000102, kMsrTscAux = 0xC0000103;
constexpr uint64_t kMtrrCap = kVariableMtrrs | 1 << 8 | 1 << 10; // fixed ranges, write-combining

bool canonical(uint64_t address) {
    return static_cast<int64_t>(address << 16) >> 16 == static_cast<int64_t>(address);
}

bool memoryType(uint64_t type) {
    return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

bool memoryTypes(uint64_t value, bool pat) {
    for (unsigned i = 0; i < 8; ++i) {
        const uint64_t type = (value >> (8 * i)) & 0xFF;
        if (!memoryType(type) && !(pat && type == 7))
            return false;
    }
    return true;
}

// The MSR as a plain field of the state; null for the others.
uint64_t* plainField(CpuState& state, uint32_t index) {
    switch (index) {
    case kMsrSysenterCs:
        return &state.sysenterCs;
    case kMsrSysenterEsp:
        return &state.sysenterEsp;
    case kMsrSysenterEip:
        return &state.sysenterEip;
    case kMsrMiscEnable:
        return &state.miscEnable;
    case kMsrDebugControl:
        return &state.debugControl;
    case kMsrPat:
        return &state.pat;
    case kMsrMtrrDefault:
        return &state.mtrrDefaultType;
    case kMsrMtrrFix64k:
        return &state.mtrrFixed[0];
    case kMsrMtrrFix16k:
    case kMsrMtrrFix16k + 1:
        return &state.mtrrFixed[1 + index - kMsrMtrrFix16k];
    case kMsrStar:
        return &state.star;
    case kMsrLstar:
        return &state.lstar;
    case kMsrCstar:
        return &state.cstar;
    case kMsrSfmask:
        return &state.sfmask;
    case kMsrFsBase:
        return &state.segment[kFs].base;
    case kMsrGsBase:
        return &state.segment[kGs].base;
    case kMsrKernelGsBase:
        return &state.kernelGsBase;
    case kMsrTscAux:
        return &state.tscAux;
    default:
        break;
    }
    if (index >= kMsrMtrrFix4k && index < kMsrMtrrFix4k + 8)
        return &state.mtrrFixed[3 + index - kMsrMtrrFix4k];
    if (index >= kMsrMtrrBase0 && index < kMsrMtrrBase0 + 2 * kVariableMtrrs) {
        const unsigned number = (index - kMsrMtrrBase0) / 2;
        return index & 1 ? &state.mtrrMask[number] : &state.mtrrBase[number];
    }
    return nullptr;
}

// Whether a plain field takes the value.
bool legal(const Engine& e, uint32_t index, uint64_t value) {
    const uint64_t physicalMask = ~uint64_t{0} << e.mmu.physicalBits();
    switch (index) {
    case kMsrSysenterEsp:
    case kMsrSysenterEip:
    case kMsrLstar:
    case kMsrCstar:
    case kMsrFsBase:
    case kMsrGsBase:
    case kMsrKernelGsBase:
        return canonical(value);
    case kMsrSfmask:
    case kMsrTscAux:
        return (value >> 32) == 0;
    case kMsrPat:
        return memoryTypes(value, true);
    case kMsrMtrrDefault:
        return (value & ~uint64_t{0xCFF}) == 0 && memoryType(value & 0xFF);
    case kMsrDebugControl:
        return (value & ~uint64_t{3}) == 0;
    default:
        break;
    }
    if (index >= kMsrMtrrBase0 && index < kMsrMtrrBase0 + 2 * kVariableMtrrs) {
        if (index & 1)
            return (value & (physicalMask | 0x7FF)) == 0;
        return (value & (physicalMask | 0xF00)) == 0 && memoryType(value & 0xFF);
    }
    if (index >= kMsrMtrrFix64k && index < kMsrMtrrFix4k + 8)
        return memoryTypes(value, false);
    return true;
}

std::optional<uint64_t> readMsr(Engine& e, uint32_t index) {
    if (const uint64_t* field = plainField(e.state, index))
        return *field;
    switch (index) {
    case kMsrTsc:
        return e.guestTsc();
    case kMsrTscAdjust:
        return e.state.tscAdjust;
    case kMsrApicBase:
        return e.state.apicBase;
    case kMsrEfer:
        return e.state.efer;
    case kMsrMtrrCap:
        return kMtrrCap;
    case kMsrPlatformId:
    case kMsrMicrocode:
    case kMsrMcgCap:
    case kMsrMcgStatus:
        return 0;
    default:
        return e.platform.readMsr(index);
    }
}

bool writeMsr(Engine& e, uint32_t index, uint64_t value) {
    CpuState& state = e.state;
    if (uint64_t* field = plainField(state, index)) {
        if (!legal(e, index, value))
            return false;
        *field = value;
        return true;
    }
    constexpr uint64_t kApicBaseReserved = 0x2FF; // all below bit 10 but BSP
    switch (index) {
    case kMsrTsc: {
        const uint64_t offset = value - e.platform.tsc();
        state.tscAdjust += offset - state.tscOffset;
        state.tscOffset = offset;
        e.platform.tscOffsetChanged();
        return true;
    }
    case kMsrTscAdjust:
        state.tscOffset += value - state.tscAdjust;
        state.tscAdjust = value;
        e.platform.tscOffsetChanged();
        return true;
    case kMsrApicBase:
        if ((value & kApicBaseReserved) || (value >> e.mmu.physicalBits()) != 0 ||
            !e.platform.apicBaseWritten(value))
            return false;
        state.apicBase = value;
        return true;
    case kMsrEfer:
        e.setEfer(value);
        return true;
    case kMsrMicrocode:
    case kMsrMcgStatus:
        return true;
    default:
        return e.platform.writeMsr(index, value);
    }
}

void rdmsr(Engine& e) {
    e.requirePrivilege0();
    const auto value = readMsr(e, static_cast<uint32_t>(e.state.gpr[kRcx]));
    e.require(value.has_value(), kGeneralProtection, 0);
    e.setGpr(kRax, 4, *value);
    e.setGpr(kRdx, 4, *value >> 32);
}

void wrmsr(Engine& e) {
    e.requirePrivilege0();
    const uint64_t value = e.gpr(kRax, 4) | (e.gpr(kRdx, 4) << 32);
    e.require(writeMsr(e, static_cast<uint32_t>(e.state.gpr[kRcx]), value), kGeneralProtection, 0);
}

} // namespace

void addModelSpecific(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_RDMSR] = rdmsr;
    table[ZYDIS_MNEMONIC_WRMSR] = wrmsr;
}

} // namespace vivarium::softcpu
