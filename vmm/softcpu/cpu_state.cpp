#include "vmm/softcpu/cpu_state.h"

#include "vmm/base/bytes.h"

#include <cstring>

namespace vivarium::softcpu {
namespace {

constexpr uint16_t kTypeAccessed = 1, kTypeWritable = 2, kTypeExpandDown = 4, kTypeCode = 8;

bool isFlat(const SegmentRegister& segment) {
    return segment.base == 0 && segment.limit == 0xFFFFFFFF && (segment.attributes & kSegmentP) &&
           (segment.attributes & kSegmentS);
}

bool isFlatData(const SegmentRegister& segment) {
    const uint16_t type = segment.attributes & kSegmentType;
    return isFlat(segment) && !(type & kTypeCode) && (type & kTypeWritable) &&
           !(type & kTypeExpandDown);
}

bool allFlat(const CpuState& state) {
    const SegmentRegister& code = state.segment[kCs];
    // CS must be readable, too: a CS override reads through it.
    return isFlat(code) && (code.attributes & kTypeWritable) && isFlatData(state.segment[kDs]) &&
           isFlatData(state.segment[kEs]) && isFlatData(state.segment[kSs]);
}

uint32_t simdKey(const CpuState& state) {
    uint32_t key = 0;
    if (state.cr0 & (kCr0Em | kCr0Ts))
        key |= mode::kFpuBlocked;
    if (!(state.cr0 & kCr0Em) && (state.cr4 & kCr4Osfxsr))
        key |= mode::kSse;
    constexpr uint64_t kAvxState = kXcr0Sse | kXcr0Avx;
    const bool avx = (state.cr4 & kCr4Osxsave) && (state.xcr0 & kAvxState) == kAvxState &&
                     (state.cr0 & kCr0Pe) && !(state.rflags & kFlagVm);
    if (avx)
        key |= mode::kAvx;
    if (avx && (state.xcr0 & kXcr0Avx512) == kXcr0Avx512)
        key |= mode::kAvx512;
    return key;
}

SegmentRegister realModeSegment(uint16_t attributes) {
    return {.base = 0, .limit = 0xFFFF, .selector = 0, .attributes = attributes};
}

void resetXsave(CpuState& state) {
    std::memset(state.xsave, 0, sizeof state.xsave);
    storeLe<uint16_t>(state.xsave, 0x37F);       // FCW as FNINIT leaves it
    storeLe<uint32_t>(state.xsave + 24, 0x1F80); // MXCSR
    storeLe<uint32_t>(state.xsave + 28, 0xFFFF); // MXCSR_MASK
    storeLe<uint64_t>(state.xsave + 512, 3);     // XSTATE_BV: x87 and SSE are in the area
}

} // namespace

void updateModeKey(CpuState& state) {
    const SegmentRegister& code = state.segment[kCs];
    const bool isProtected = state.cr0 & kCr0Pe;
    const bool vm86 = isProtected && (state.rflags & kFlagVm);
    const bool longActive = state.efer & kEferLma;
    const unsigned level = cpl(state);
    uint32_t key = simdKey(state) | (level << mode::kCplShift);
    if (longActive && (code.attributes & kSegmentL))
        key |= mode::kCode64 | mode::kFlat;
    else {
        key |= (code.attributes & kSegmentDb) ? mode::kCode32 : mode::kCode16;
        if (state.segment[kSs].attributes & kSegmentDb)
            key |= mode::kStack32;
        if (isProtected && !vm86 && allFlat(state))
            key |= mode::kFlat;
    }
    if (isProtected)
        key |= mode::kProtected;
    if (vm86)
        key |= mode::kVm86;
    if (longActive)
        key |= mode::kLongActive;
    if (state.cr0 & kCr0Pg)
        key |= mode::kPaging;
    if (state.rflags & kFlagTf)
        key |= mode::kTrap;
    if (state.dr[7] & 0xFF)
        key |= mode::kBreakpoints;
    const bool ac = state.rflags & kFlagAc;
    if (ac && (state.cr0 & kCr0Am) && level == 3)
        key |= mode::kAlignmentCheck;
    if (!isProtected || level <= ((state.rflags & kFlagIopl) >> 12))
        key |= mode::kIoPrivileged;
    if (state.cr4 & kCr4Fsgsbase)
        key |= mode::kFsgsbase;
    TlbMode tlbMode = TlbMode::Supervisor;
    if (level == 3)
        tlbMode = TlbMode::User;
    else if (ac && (state.cr4 & kCr4Smap))
        tlbMode = TlbMode::SupervisorAc;
    key |= static_cast<uint32_t>(tlbMode) << mode::kTlbModeShift;
    state.modeKey = key;
}

void resetCpu(CpuState& state, CpuReset kind) {
    for (uint64_t& value : state.gpr)
        value = 0;
    for (unsigned i = 0; i < 6; ++i)
        state.segment[i] = realModeSegment(kSegmentP | kSegmentS | kTypeWritable | kTypeAccessed);
    state.segment[kCs] = {
        .base = 0xFFFF0000, .limit = 0xFFFF, .selector = 0xF000, .attributes = 0x9B};
    state.ldtr = realModeSegment(0x82);
    state.tr = realModeSegment(0x8B);
    state.gdtr = state.idtr = {.base = 0, .limit = 0xFFFF};
    state.rip = 0xFFF0;
    state.rflags = kFlagFixed;
    const uint64_t cache = kind == CpuReset::Init ? state.cr0 & (kCr0Cd | kCr0Nw) : kCr0Cd | kCr0Nw;
    state.cr0 = kCr0Et | cache;
    state.cr2 = state.cr3 = state.cr4 = state.cr8 = state.efer = 0;
    std::memset(state.dr, 0, sizeof state.dr);
    state.dr[6] = 0xFFFF0FF0;
    state.dr[7] = 0x400;
    std::memset(state.pdpte, 0, sizeof state.pdpte);
    state.interruptShadow = state.nmiBlocked = state.interruptWindowWanted = 0;
    state.pendingDebug = 0;
    if (kind == CpuReset::PowerOn) {
        state.star = state.lstar = state.cstar = state.sfmask = state.kernelGsBase = 0;
        state.sysenterCs = state.sysenterEsp = state.sysenterEip = 0;
        state.tscAux = state.tscOffset = state.tscAdjust = 0;
        state.pat = kPowerOnPat;
        state.miscEnable = 1; // fast strings
        state.debugControl = 0;
        state.mtrrDefaultType = 0;
        std::memset(state.mtrrFixed, 0, sizeof state.mtrrFixed);
        std::memset(state.mtrrBase, 0, sizeof state.mtrrBase);
        std::memset(state.mtrrMask, 0, sizeof state.mtrrMask);
        state.xcr0 = kXcr0X87;
        resetXsave(state);
    }
    updateModeKey(state);
}

void startCpu(CpuState& state, uint8_t vector) {
    state.segment[kCs].selector = static_cast<uint16_t>(vector << 8);
    state.segment[kCs].base = uint64_t{vector} << 12;
    state.rip = 0;
    state.activity = Activity::Running;
    updateModeKey(state);
}

} // namespace vivarium::softcpu
