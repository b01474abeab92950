#include "vmm/softcpu/interpreter/engine.h"

namespace vivarium::softcpu {
namespace {

constexpr unsigned kTypeTaskGate = 5, kTypeInterrupt16 = 6, kTypeTrap16 = 7, kTypeInterrupt32 = 0xE,
                   kTypeTrap32 = 0xF;

bool canonical(uint64_t address) {
    return static_cast<int64_t>(address << 16) >> 16 == static_cast<int64_t>(address);
}

bool hasErrorCode(uint8_t vector) {
    return vector == kDoubleFault || (vector >= kInvalidTss && vector <= kPageFaultVector) ||
           vector == kAlignmentCheckVector;
}

// RF in the saved flags: set for faults, so that the instruction is not stopped at again
// (Intel SDM 3B, 17.3.1.1).
uint64_t savedFlags(const Engine& e, const Event& event) {
    const bool fault = event.kind == EventKind::Exception && event.vector != kDebugException;
    return e.state.rflags | (fault ? kFlagRf : 0);
}

struct Gate {
    uint16_t selector;
    uint64_t offset;
    unsigned type;
    unsigned ist;
};

void enterReal(Engine& e, const Event& event, uint64_t returnRip) {
    const uint32_t entry = event.vector * 4u;
    if (entry + 3 > e.state.idtr.limit)
        Engine::raise(kGeneralProtection, entry * 2 + 2);
    const uint64_t vector = e.loadSystem((e.state.idtr.base + entry) & 0xFFFFFFFF, 4);
    e.push(e.state.rflags & 0xFFFF, 2);
    e.push(e.state.segment[kCs].selector, 2);
    e.push(returnRip & 0xFFFF, 2);
    e.loadRealSegment(kCs, static_cast<uint16_t>(vector >> 16));
    e.nextRip = vector & 0xFFFF;
    e.setFlags(0, kFlagIf | kFlagTf | kFlagAc | kFlagRf);
}

Gate readGate(Engine& e, const Event& event, uint32_t errorCode) {
    const bool longMode = longModeActive(e.state);
    const unsigned entryBytes = longMode ? 16 : 8;
    const uint64_t offset = uint64_t{event.vector} * entryBytes;
    e.require(offset + entryBytes - 1 <= e.state.idtr.limit, kGeneralProtection, errorCode);
    uint64_t address = e.state.idtr.base + offset;
    if (!longMode)
        address &= 0xFFFFFFFF;
    const uint64_t low = e.loadSystem(address, 8);
    Gate gate{.selector = static_cast<uint16_t>(low >> 16),
              .offset = (low & 0xFFFF) | ((low >> 32) & 0xFFFF0000),
              .type = static_cast<unsigned>((low >> 40) & 0x1F),
              .ist = longMode ? static_cast<unsigned>((low >> 32) & 7) : 0};
    if (longMode)
        gate.offset |= (e.loadSystem(address + 8, 8) & 0xFFFFFFFF) << 32;
    const bool wide = gate.type == kTypeInterrupt32 || gate.type == kTypeTrap32;
    const bool legacy =
        gate.type == kTypeInterrupt16 || gate.type == kTypeTrap16 || gate.type == kTypeTaskGate;
    e.require(wide || (legacy && !longMode), kGeneralProtection, errorCode);
    const bool checked =
        event.kind == EventKind::Software || event.kind == EventKind::SoftException;
    const unsigned dpl = (low >> 45) & 3;
    e.require(!checked || dpl >= cpl(e.state), kGeneralProtection, errorCode);
    e.require((low >> 47) & 1, kSegmentNotPresent, errorCode);
    if (gate.type == kTypeInterrupt16 || gate.type == kTypeTrap16)
        gate.offset &= 0xFFFF;
    return gate;
}

uint64_t istPointer(Engine& e, unsigned ist) {
    const uint32_t offset = 36 + (ist - 1) * 8; // Intel SDM 3A, figure 8-11
    if (offset + 7 > e.state.tr.limit)
        e.raiseSelector(kInvalidTss, e.state.tr.selector);
    return e.loadSystem(e.state.tr.base + offset, 8);
}

// 64-bit handlers: SS:RSP always pushed, stack aligned (Intel SDM 3A, 6.14.2).
void enterLong(Engine& e, const Event& event, uint64_t returnRip, const Gate& gate,
               const Descriptor& code, unsigned newCpl) {
    const unsigned oldCpl = cpl(e.state);
    const uint64_t oldStack = e.state.gpr[kRsp], flags = savedFlags(e, event);
    const uint16_t oldStackSelector = e.state.segment[kSs].selector,
                   oldCode = e.state.segment[kCs].selector;
    uint64_t pointer = oldStack;
    if (gate.ist != 0)
        pointer = istPointer(e, gate.ist);
    else if (newCpl < oldCpl)
        pointer = e.innerStack(newCpl).pointer;
    e.require(canonical(pointer), kStackFault, e.externalBit);
    e.require(canonical(gate.offset), kGeneralProtection, e.externalBit);
    pointer &= ~uint64_t{15};
    if (newCpl < oldCpl)
        e.setNullStackSegment(newCpl, static_cast<uint16_t>(newCpl));
    e.setCodeSegment(code, newCpl);
    e.state.gpr[kRsp] = pointer;
    e.push(oldStackSelector, 8);
    e.push(oldStack, 8);
    e.push(flags, 8);
    e.push(oldCode, 8);
    e.push(returnRip, 8);
    if (event.errorCode)
        e.push(*event.errorCode, 8);
}

void enterLegacy(Engine& e, const Event& event, uint64_t returnRip, const Gate& gate,
                 const Descriptor& code, unsigned newCpl) {
    const unsigned bytes = gate.type & 8 ? 4 : 2;
    const uint64_t flags = savedFlags(e, event);
    const uint16_t oldCode = e.state.segment[kCs].selector;
    e.require(gate.offset <= code.limit(), kGeneralProtection, e.externalBit);
    if (newCpl < cpl(e.state)) {
        const Engine::InnerStack inner = e.innerStack(newCpl);
        const uint64_t oldPointer = e.state.gpr[kRsp];
        const bool fromVm86 = e.vm86();
        uint16_t old[6];
        for (unsigned i = 0; i < 6; ++i)
            old[i] = e.state.segment[i].selector;
        e.state.rflags &= ~kFlagVm;
        e.loadStackSegment(inner.selector, newCpl, kInvalidTss);
        e.setCodeSegment(code, newCpl);
        e.stackErrorCode = (inner.selector & 0xFFFCu) | e.externalBit;
        e.setStackPointer(inner.pointer);
        if (fromVm86) {
            for (const unsigned segment : {kGs, kFs, kDs, kEs}) {
                e.push(old[segment], bytes);
                e.setNullSegment(segment, 0);
            }
        }
        e.push(old[kSs], bytes);
        e.push(oldPointer & accessMask(bytes), bytes);
    } else {
        e.setCodeSegment(code, newCpl);
    }
    e.push(flags & accessMask(bytes), bytes);
    e.push(oldCode, bytes);
    e.push(returnRip & accessMask(bytes), bytes);
    if (event.errorCode)
        e.push(*event.errorCode & accessMask(bytes), bytes);
}

} // namespace

void Engine::enterEvent(const Event& event, uint64_t returnRip) {
    suppressTrap = true;
    if (realMode())
        return enterReal(*this, event, returnRip);
    Event entered = event;
    if (event.kind != EventKind::Exception || !hasErrorCode(event.vector))
        entered.errorCode = std::nullopt;
    const uint32_t gateError = event.vector * 8u + 2 + externalBit;
    const Gate gate = readGate(*this, entered, gateError);
    if (gate.type == kTypeTaskGate) {
        const bool fault = event.kind == EventKind::Exception && event.vector != kDebugException;
        if (fault)
            state.rflags |= kFlagRf;
        return switchTask(gate.selector, TaskSwitch::Event, returnRip, entered.errorCode);
    }
    require((gate.selector & 0xFFFC) != 0, kGeneralProtection, externalBit);
    const Descriptor code = descriptor(gate.selector, kGeneralProtection);
    const unsigned oldCpl = cpl(state);
    const bool longMode = longModeActive(state);
    if (!code.isCode() || code.dpl() > oldCpl || (longMode && (!code.longCode() || code.big())))
        raiseSelector(kGeneralProtection, gate.selector);
    if (!code.present())
        raiseSelector(kSegmentNotPresent, gate.selector);
    const unsigned newCpl = code.conforming() ? oldCpl : code.dpl();
    if (vm86() && newCpl != 0) // Intel SDM 3B, 21.3.1.1
        raiseSelector(kGeneralProtection, gate.selector);
    if (longMode)
        enterLong(*this, entered, returnRip, gate, code, newCpl);
    else
        enterLegacy(*this, entered, returnRip, gate, code, newCpl);
    nextRip = gate.offset;
    const uint64_t interrupt = gate.type & 1 ? 0 : kFlagIf;
    setFlags(0, kFlagTf | kFlagNt | kFlagVm | kFlagRf | interrupt);
}

Engine::InnerStack Engine::innerStack(unsigned level) {
    const auto read = [this](uint32_t offset, unsigned sizeBytes) {
        if (offset + sizeBytes - 1 > state.tr.limit)
            raiseSelector(kInvalidTss, state.tr.selector);
        return loadSystem(state.tr.base + offset, sizeBytes);
    };
    if (longModeActive(state))
        return {.selector = 0, .pointer = read(4 + level * 8, 8)};
    if (state.tr.attributes & 8) // 32-bit TSS
        return {.selector = static_cast<uint16_t>(read(8 + level * 8, 2)),
                .pointer = read(4 + level * 8, 4)};
    return {.selector = static_cast<uint16_t>(read(4 + level * 4, 2)),
            .pointer = read(2 + level * 4, 2)};
}

} // namespace vivarium::softcpu
