#include "vmm/softcpu/interpreter/engine.h"

// Writes of control registers with their checks and consequences (Intel SDM 3A, 2.5 and 4.1).
namespace vivarium::softcpu {
namespace {

constexpr uint64_t kCr0Known = kCr0Pe | kCr0Mp | kCr0Em | kCr0Ts | kCr0Et | kCr0Ne | kCr0Wp |
                               kCr0Am | kCr0Nw | kCr0Cd | kCr0Pg;

bool paeWithoutLongMode(const CpuState& state) {
    return (state.cr0 & kCr0Pg) && (state.cr4 & kCr4Pae) && !(state.efer & kEferLme);
}

} // namespace

void Engine::setCr0(uint64_t value) {
    value |= kCr0Et;
    require((value >> 32) == 0, kGeneralProtection, 0);
    value &= kCr0Known;
    require(!(value & kCr0Pg) || (value & kCr0Pe), kGeneralProtection, 0);
    require(!(value & kCr0Nw) || (value & kCr0Cd), kGeneralProtection, 0);
    const uint64_t old = state.cr0, changed = old ^ value;
    uint64_t efer = state.efer;
    if ((changed & kCr0Pg) && (value & kCr0Pg) && (efer & kEferLme)) {
        require((state.cr4 & kCr4Pae) && !(state.segment[kCs].attributes & kSegmentL),
                kGeneralProtection, 0);
        efer |= kEferLma;
    }
    if ((changed & kCr0Pg) && !(value & kCr0Pg)) {
        require(!is64() && !(state.cr4 & kCr4Pcide), kGeneralProtection, 0);
        efer &= ~kEferLma;
    }
    state.cr0 = value;
    if ((changed & (kCr0Pg | kCr0Cd | kCr0Nw)) && paeWithoutLongMode(state) && !mmu.loadPdptes()) {
        state.cr0 = old;
        raise(kGeneralProtection, 0);
    }
    state.efer = efer;
    if (changed & (kCr0Pg | kCr0Pe | kCr0Wp))
        mmu.tlb().flushAll();
    modeChanged();
}

void Engine::setCr3(uint64_t value) {
    constexpr uint64_t kNoFlush = uint64_t{1} << 63;
    if (state.cr4 & kCr4Pcide)
        value &= ~kNoFlush; // what is flushed too much is only slower
    if (longModeActive(state))
        require((value >> mmu.physicalBits()) == 0, kGeneralProtection, 0);
    else
        value &= 0xFFFFFFFF;
    const uint64_t old = state.cr3;
    state.cr3 = value;
    if (paeWithoutLongMode(state) && !mmu.loadPdptes()) {
        state.cr3 = old;
        raise(kGeneralProtection, 0);
    }
    mmu.tlb().flushNonGlobal();
}

void Engine::setCr4(uint64_t value) {
    require((value & ~features.cr4Mask()) == 0, kGeneralProtection, 0);
    const uint64_t old = state.cr4, changed = old ^ value;
    require(!longModeActive(state) || (value & kCr4Pae), kGeneralProtection, 0);
    if (changed & value & kCr4Pcide)
        require(longModeActive(state) && (state.cr3 & 0xFFF) == 0, kGeneralProtection, 0);
    state.cr4 = value;
    constexpr uint64_t kReloads = kCr4Pae | kCr4Pge | kCr4Pse | kCr4Smep;
    if ((changed & kReloads) && paeWithoutLongMode(state) && !mmu.loadPdptes()) {
        state.cr4 = old;
        raise(kGeneralProtection, 0);
    }
    constexpr uint64_t kPagingBits = kCr4Pae | kCr4Pge | kCr4Pse | kCr4Pcide | kCr4Smep | kCr4Smap;
    if (changed & kPagingBits)
        mmu.tlb().flushAll();
    modeChanged();
}

void Engine::setEfer(uint64_t value) {
    require((value & ~features.eferMask()) == 0, kGeneralProtection, 0);
    const uint64_t changed = state.efer ^ value;
    require(!(changed & kEferLme) || !(state.cr0 & kCr0Pg), kGeneralProtection, 0);
    state.efer = (value & ~kEferLma) | (state.efer & kEferLma);
    if (changed & kEferNxe)
        mmu.tlb().flushAll();
    modeChanged();
}

} // namespace vivarium::softcpu
