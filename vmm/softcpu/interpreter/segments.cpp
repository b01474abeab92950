#include "vmm/softcpu/interpreter/engine.h"

namespace vivarium::softcpu {
namespace {

constexpr unsigned kTypeAvailableTss16 = 1, kTypeLdt = 2, kTypeAvailableTss32 = 9;
constexpr uint16_t kWritableData = kSegmentP | kSegmentS | 3; // accessed

bool nullSelector(uint16_t selector) {
    return (selector & 0xFFFC) == 0;
}

bool writableData(const Descriptor& descriptor) {
    return !descriptor.system() && !(descriptor.type() & 8) && (descriptor.type() & 2);
}

} // namespace

std::optional<Descriptor> Engine::findDescriptor(uint16_t selector) {
    const uint32_t offset = selector & 0xFFF8;
    uint64_t base = state.gdtr.base;
    uint32_t limit = state.gdtr.limit;
    if (selector & 4) {
        if (!(state.ldtr.attributes & kSegmentP))
            return std::nullopt;
        base = state.ldtr.base;
        limit = state.ldtr.limit;
    }
    if (offset + 7 > limit)
        return std::nullopt;
    Descriptor found{.address = base + offset, .selector = selector};
    if (!longModeActive(state))
        found.address &= 0xFFFFFFFF;
    found.raw = loadSystem(found.address, 8);
    return found;
}

Descriptor Engine::descriptor(uint16_t selector, uint8_t faultVector) {
    const auto found = findDescriptor(selector);
    if (!found)
        raiseSelector(faultVector, selector);
    return *found;
}

// LDT, TSS and gates take sixteen bytes in IA-32e mode (Intel SDM 3A, 7.2.3).
void Engine::readUpperHalf(Descriptor& found, uint8_t faultVector) {
    if (!longModeActive(state))
        return;
    const uint32_t limit = found.selector & 4 ? state.ldtr.limit : state.gdtr.limit;
    if ((found.selector & 0xFFF8u) + 15 > limit)
        raiseSelector(faultVector, found.selector);
    const uint64_t upper = loadSystem(found.address + 8, 8);
    if ((upper >> 40) & 0x1F)
        raiseSelector(faultVector, found.selector);
    found.baseHigh = static_cast<uint32_t>(upper);
}

void Engine::setAccessed(Descriptor& found) {
    constexpr uint64_t kAccessed = uint64_t{1} << 40;
    if (found.raw & kAccessed)
        return;
    found.raw |= kAccessed;
    const SoftMmu::Place place =
        mmu.place(found.address + 5, AccessKind::Write, TlbMode::Supervisor);
    throwFault(place.fault);
    if (place.host == nullptr)
        return storeSystem(found.address + 5, 1, (found.raw >> 40) & 0xFF);
    __atomic_fetch_or(place.host, 1, __ATOMIC_SEQ_CST);
    mmu.wrote(place, 1);
}

void Engine::loadRealSegment(unsigned segment, uint16_t selector) {
    SegmentRegister& reg = state.segment[segment];
    reg.selector = selector;
    reg.base = uint64_t{selector} << 4;
    if (vm86()) { // Intel SDM 3B, 21.2: limit and rights are those of a real-mode segment
        reg.limit = 0xFFFF;
        reg.attributes = kWritableData | kSegmentDpl;
    } else if (segment == kCs) {
        reg.attributes = static_cast<uint16_t>((reg.attributes & ~kSegmentDpl) | kWritableData);
    }
    modeChanged();
}

void Engine::setNullSegment(unsigned segment, uint16_t selector) {
    state.segment[segment] = {.selector = selector};
}

void Engine::setNullStackSegment(unsigned newCpl, uint16_t selector) {
    state.segment[kSs] = {
        .limit = 0xFFFFFFFF,
        .selector = selector,
        .attributes = static_cast<uint16_t>(kWritableData | kSegmentDb | kSegmentG | newCpl << 5)};
    modeChanged();
}

void Engine::setCpl(unsigned newCpl) {
    uint16_t& attributes = state.segment[kSs].attributes;
    attributes = static_cast<uint16_t>((attributes & ~kSegmentDpl) | newCpl << 5);
    modeChanged();
}

void Engine::loadStackSegment(uint16_t selector, unsigned newCpl, uint8_t faultVector) {
    if (nullSelector(selector))
        raise(faultVector, externalBit);
    Descriptor found = descriptor(selector, faultVector);
    if ((selector & 3) != newCpl || found.dpl() != newCpl || !writableData(found))
        raiseSelector(faultVector, selector);
    if (!found.present())
        raiseSelector(kStackFault, selector);
    setAccessed(found);
    state.segment[kSs] = found.hidden();
    modeChanged();
}

void Engine::loadSegment(unsigned segment, uint16_t selector) {
    if (realMode() || vm86())
        return loadRealSegment(segment, selector);
    const unsigned level = cpl(state), rpl = selector & 3;
    if (segment == kSs) {
        if (!nullSelector(selector))
            return loadStackSegment(selector, level, kGeneralProtection);
        require(is64() && level != 3 && rpl == level, kGeneralProtection, 0);
        return setNullStackSegment(level, selector);
    }
    if (nullSelector(selector)) {
        setNullSegment(segment, selector);
        return modeChanged();
    }
    Descriptor found = descriptor(selector, kGeneralProtection);
    const bool readable = !found.system() && (!(found.type() & 8) || (found.type() & 2));
    const bool checked = !found.isCode() || !found.conforming();
    if (!readable || (checked && (rpl > found.dpl() || level > found.dpl())))
        raiseSelector(kGeneralProtection, selector);
    if (!found.present())
        raiseSelector(kSegmentNotPresent, selector);
    setAccessed(found);
    state.segment[segment] = found.hidden();
    modeChanged();
}

void Engine::setCodeSegment(const Descriptor& found, unsigned newCpl) {
    Descriptor code = found;
    setAccessed(code);
    state.segment[kCs] = code.hidden();
    state.segment[kCs].selector = static_cast<uint16_t>((found.selector & 0xFFFC) | newCpl);
    modeChanged();
}

void Engine::setFlatCode(uint16_t selector, unsigned newCpl, bool bits64, bool bits32) {
    state.segment[kCs] = {
        .limit = 0xFFFFFFFF,
        .selector = selector,
        .attributes = static_cast<uint16_t>(kSegmentP | kSegmentS | 0xB | kSegmentG | newCpl << 5 |
                                            (bits64 ? kSegmentL : 0) | (bits32 ? kSegmentDb : 0))};
}

void Engine::setFlatStack(uint16_t selector, unsigned newCpl) {
    setNullStackSegment(newCpl, selector);
}

// Intel SDM 3A, 5.8.6: data segments that the outer level could not have loaded become null.
void Engine::dropInaccessibleSegments() {
    const unsigned level = cpl(state);
    for (const unsigned segment : {kEs, kDs, kFs, kGs}) {
        const uint16_t attributes = state.segment[segment].attributes;
        const unsigned dpl = (attributes >> 5) & 3;
        const bool conformingCode = (attributes & kSegmentS) && (attributes & 0xC) == 0xC;
        if ((attributes & kSegmentP) && !conformingCode && dpl < level) {
            const uint64_t base = state.segment[segment].base;
            setNullSegment(segment, 0);
            if (longModeActive(state)) // FS and GS keep their bases there
                state.segment[segment].base = segment >= kFs ? base : 0;
        }
    }
    modeChanged();
}

void Engine::loadLdt(uint16_t selector) {
    if (nullSelector(selector)) {
        state.ldtr = {.selector = selector};
        return;
    }
    require(!(selector & 4), kGeneralProtection, (selector & 0xFFFCu) | externalBit);
    Descriptor found = descriptor(selector, kGeneralProtection);
    if (!found.system() || found.type() != kTypeLdt)
        raiseSelector(kGeneralProtection, selector);
    if (!found.present())
        raiseSelector(kSegmentNotPresent, selector);
    readUpperHalf(found, kGeneralProtection);
    state.ldtr = found.hidden();
}

void Engine::loadTaskRegister(uint16_t selector) {
    require(!nullSelector(selector), kGeneralProtection, 0);
    require(!(selector & 4), kGeneralProtection, selector & 0xFFFCu);
    Descriptor found = descriptor(selector, kGeneralProtection);
    const bool available = found.type() == kTypeAvailableTss32 ||
                           (found.type() == kTypeAvailableTss16 && !longModeActive(state));
    if (!found.system() || !available)
        raiseSelector(kGeneralProtection, selector);
    if (!found.present())
        raiseSelector(kSegmentNotPresent, selector);
    readUpperHalf(found, kGeneralProtection);
    found.raw |= uint64_t{2} << 40; // busy
    storeSystem(found.address + 5, 1, (found.raw >> 40) & 0xFF);
    state.tr = found.hidden();
}

} // namespace vivarium::softcpu
