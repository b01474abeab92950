#include "vmm/softcpu/interpreter/engine.h"

namespace vivarium::softcpu {
namespace {

constexpr unsigned kTypeTaskGate = 5, kTypeCallGate16 = 4, kTypeCallGate32 = 0xC;

bool nullSelector(uint16_t selector) {
    return (selector & 0xFFFC) == 0;
}

bool availableTss(unsigned type) {
    return type == 1 || type == 9;
}

struct CallGate {
    uint16_t selector;
    uint64_t offset;
    unsigned parameters;
    unsigned operandBytes;
};

CallGate callGate(const Descriptor& gate, bool longMode) {
    CallGate result{.selector = static_cast<uint16_t>(gate.raw >> 16),
                    .offset = (gate.raw & 0xFFFF) | ((gate.raw >> 32) & 0xFFFF0000),
                    .parameters = static_cast<unsigned>((gate.raw >> 32) & 0x1F),
                    .operandBytes = gate.type() == kTypeCallGate32 ? 4u : 2u};
    if (longMode) {
        result.offset |= uint64_t{gate.baseHigh} << 32;
        result.operandBytes = 8;
    } else if (result.operandBytes == 2) {
        result.offset &= 0xFFFF;
    }
    return result;
}

// The target must lie in its segment, or be canonical in 64-bit code.
void checkTarget(Engine& e, const Descriptor& code, uint64_t offset) {
    if (longModeActive(e.state) && code.longCode()) {
        const bool canonical =
            static_cast<int64_t>(offset << 16) >> 16 == static_cast<int64_t>(offset);
        e.require(canonical, kGeneralProtection, 0);
        return;
    }
    e.require(offset <= code.limit(), kGeneralProtection, 0);
}

// L and D together are reserved (Intel SDM 3A, 5.2.1).
bool badLongCode(Engine& e, const Descriptor& code) {
    return longModeActive(e.state) && code.longCode() && code.big();
}

// Direct transfer to a code segment of the same level (Intel SDM 3A, 5.8.1).
Descriptor directCode(Engine& e, uint16_t selector) {
    const unsigned level = cpl(e.state);
    const Descriptor code = e.descriptor(selector, kGeneralProtection);
    if (code.system() || !code.isCode())
        return code; // a gate or a task: the caller's business
    const bool allowed =
        code.conforming() ? code.dpl() <= level : code.dpl() == level && (selector & 3u) <= level;
    if (!allowed || badLongCode(e, code))
        e.raiseSelector(kGeneralProtection, selector);
    if (!code.present())
        e.raiseSelector(kSegmentNotPresent, selector);
    return code;
}

// Checks of a system descriptor that a far JMP or CALL names; the call gate's own fields.
CallGate openGate(Engine& e, Descriptor& gate) {
    const bool longMode = longModeActive(e.state);
    const unsigned type = gate.type();
    if (!gate.system() || (type != kTypeCallGate32 && (longMode || type != kTypeCallGate16)))
        e.raiseSelector(kGeneralProtection, gate.selector);
    if (gate.dpl() < cpl(e.state) || gate.dpl() < (gate.selector & 3u))
        e.raiseSelector(kGeneralProtection, gate.selector);
    if (!gate.present())
        e.raiseSelector(kSegmentNotPresent, gate.selector);
    e.readUpperHalf(gate, kGeneralProtection);
    return callGate(gate, longMode);
}

Descriptor gateCode(Engine& e, uint16_t selector) {
    e.require(!nullSelector(selector), kGeneralProtection, 0);
    Descriptor code = e.descriptor(selector, kGeneralProtection);
    if (!code.isCode() || code.dpl() > cpl(e.state) ||
        (longModeActive(e.state) && (!code.longCode() || code.big())))
        e.raiseSelector(kGeneralProtection, selector);
    if (!code.present())
        e.raiseSelector(kSegmentNotPresent, selector);
    return code;
}

// A TSS or a task gate: true when the transfer was a task switch.
bool taskTransfer(Engine& e, const Descriptor& found, Engine::TaskSwitch cause) {
    const unsigned type = found.type();
    if (!found.system() || longModeActive(e.state) ||
        (!availableTss(type) && type != kTypeTaskGate))
        return false;
    if (found.dpl() < cpl(e.state) || found.dpl() < (found.selector & 3u))
        e.raiseSelector(kGeneralProtection, found.selector);
    if (!found.present())
        e.raiseSelector(kSegmentNotPresent, found.selector);
    const auto task =
        type == kTypeTaskGate ? static_cast<uint16_t>(found.raw >> 16) : found.selector;
    e.switchTask(task, cause, e.nextRip, std::nullopt);
    return true;
}

void realJump(Engine& e, uint16_t selector, uint64_t offset) {
    e.require(offset <= e.state.segment[kCs].limit, kGeneralProtection, 0);
    e.loadRealSegment(kCs, selector);
    e.nextRip = offset;
}

// A call through a gate to an inner level: new stack, old stack's pointer and parameters on it.
void callInner(Engine& e, const CallGate& gate, const Descriptor& code, uint64_t returnRip) {
    const unsigned newCpl = code.dpl(), bytes = gate.operandBytes;
    const Engine::InnerStack inner = e.innerStack(newCpl);
    const SegmentRegister oldStack = e.state.segment[kSs];
    const uint64_t oldPointer = e.state.gpr[kRsp];
    const uint16_t oldCode = e.state.segment[kCs].selector;
    uint64_t parameters[32] = {};
    for (unsigned i = 0; bytes != 8 && i < gate.parameters; ++i)
        parameters[i] = e.peek(uint64_t{i} * bytes, bytes);
    checkTarget(e, code, gate.offset);

    if (bytes == 8)
        e.setNullStackSegment(newCpl, static_cast<uint16_t>(newCpl));
    else
        e.loadStackSegment(inner.selector, newCpl, kInvalidTss);
    e.setCodeSegment(code, newCpl);
    e.stackErrorCode = bytes == 8 ? 0 : inner.selector & 0xFFFCu;
    e.setStackPointer(inner.pointer);
    e.push(oldStack.selector, bytes);
    e.push(oldPointer & accessMask(bytes), bytes);
    for (unsigned i = bytes == 8 ? 0 : gate.parameters; i-- > 0;)
        e.push(parameters[i], bytes);
    e.push(oldCode, bytes);
    e.push(returnRip & accessMask(bytes), bytes);
    e.nextRip = gate.offset;
}

} // namespace

void Engine::farJump(uint16_t selector, uint64_t offset, unsigned) {
    if (realMode() || vm86())
        return realJump(*this, selector, offset);
    require(!nullSelector(selector), kGeneralProtection, 0);
    Descriptor found = directCode(*this, selector);
    if (found.isCode()) {
        checkTarget(*this, found, offset);
        setCodeSegment(found, cpl(state));
        nextRip = offset;
        return;
    }
    if (taskTransfer(*this, found, TaskSwitch::Jump))
        return;
    const CallGate gate = openGate(*this, found);
    const Descriptor code = gateCode(*this, gate.selector);
    // A jump does not change the level.
    if (!code.conforming() && code.dpl() != cpl(state))
        raiseSelector(kGeneralProtection, gate.selector);
    checkTarget(*this, code, gate.offset);
    setCodeSegment(code, cpl(state));
    nextRip = gate.offset;
}

void Engine::farCall(uint16_t selector, uint64_t offset, unsigned operandBytes) {
    const uint64_t returnRip = nextRip;
    const uint16_t oldCode = state.segment[kCs].selector;
    if (realMode() || vm86()) {
        require(offset <= state.segment[kCs].limit, kGeneralProtection, 0);
        push(oldCode, operandBytes);
        push(returnRip & accessMask(operandBytes), operandBytes);
        return realJump(*this, selector, offset);
    }
    require(!nullSelector(selector), kGeneralProtection, 0);
    Descriptor found = directCode(*this, selector);
    if (found.isCode()) {
        checkTarget(*this, found, offset);
        push(oldCode, operandBytes);
        push(returnRip & accessMask(operandBytes), operandBytes);
        setCodeSegment(found, cpl(state));
        nextRip = offset;
        return;
    }
    if (taskTransfer(*this, found, TaskSwitch::Call))
        return;
    const CallGate gate = openGate(*this, found);
    const Descriptor code = gateCode(*this, gate.selector);
    if (!code.conforming() && code.dpl() < cpl(state))
        return callInner(*this, gate, code, returnRip);
    checkTarget(*this, code, gate.offset);
    push(oldCode, gate.operandBytes);
    push(returnRip & accessMask(gate.operandBytes), gate.operandBytes);
    setCodeSegment(code, cpl(state));
    nextRip = gate.offset;
}

// --- returns

namespace {

// The code segment that a far RET or IRET goes back to.
Descriptor returnCode(Engine& e, uint16_t selector) {
    e.require(!nullSelector(selector), kGeneralProtection, 0);
    const Descriptor code = e.descriptor(selector, kGeneralProtection);
    const unsigned rpl = selector & 3;
    if (rpl < cpl(e.state) || !code.isCode() || badLongCode(e, code) ||
        (code.conforming() ? code.dpl() > rpl : code.dpl() != rpl))
        e.raiseSelector(kGeneralProtection, selector);
    if (!code.present())
        e.raiseSelector(kSegmentNotPresent, selector);
    return code;
}

void returnStack(Engine& e, const Descriptor& code, uint16_t selector, unsigned newCpl) {
    if (!nullSelector(selector))
        return e.loadStackSegment(selector, newCpl, kGeneralProtection);
    // Allowed back into 64-bit code below level 3 only (Intel SDM 3A, 6.14.3).
    e.require(longModeActive(e.state) && code.longCode() && newCpl != 3 &&
                  (selector & 3u) == newCpl,
              kGeneralProtection, 0);
    e.setNullStackSegment(newCpl, selector);
}

void enterCode(Engine& e, const Descriptor& code, uint64_t target, unsigned newCpl) {
    checkTarget(e, code, target);
    e.setCodeSegment(code, newCpl);
    e.nextRip = target;
}

} // namespace

void Engine::farReturn(unsigned operandBytes, uint16_t extraBytes) {
    const uint64_t target = peek(0, operandBytes);
    const auto selector = static_cast<uint16_t>(peek(operandBytes, operandBytes));
    const uint64_t released = 2 * operandBytes + extraBytes;
    if (realMode() || vm86()) {
        require(target <= state.segment[kCs].limit, kGeneralProtection, 0);
        releaseStack(released);
        return realJump(*this, selector, target);
    }
    const Descriptor code = returnCode(*this, selector);
    const unsigned newCpl = selector & 3;
    if (newCpl == cpl(state)) {
        releaseStack(released);
        return enterCode(*this, code, target, newCpl);
    }
    const uint64_t newPointer = peek(released, operandBytes);
    const auto newStack = static_cast<uint16_t>(peek(released + operandBytes, operandBytes));
    // Checks use the level before, so the stack comes before CS takes effect.
    checkTarget(*this, code, target);
    returnStack(*this, code, newStack, newCpl);
    enterCode(*this, code, target, newCpl);
    setStackPointer(newPointer + extraBytes);
    dropInaccessibleSegments();
}

void Engine::interruptReturn(unsigned operandBytes) {
    const unsigned oldCpl = cpl(state);
    const bool ioPrivileged = state.modeKey & mode::kIoPrivileged;
    uint64_t mask = kArithmeticFlags | kFlagTf | kFlagDf | kFlagNt;
    if (operandBytes > 2)
        mask |= kFlagRf | kFlagAc | kFlagId;
    if (ioPrivileged)
        mask |= kFlagIf;
    if (oldCpl == 0)
        mask |= kFlagIopl;
    if (oldCpl == 0 && operandBytes > 2 && !realMode())
        mask |= kFlagVif | kFlagVip;

    require(!vm86() || ioPrivileged, kGeneralProtection, 0);
    if (!realMode() && !vm86() && (state.rflags & kFlagNt)) {
        require(!longModeActive(state), kGeneralProtection, 0);
        const auto link = static_cast<uint16_t>(loadSystem(state.tr.base, 2));
        switchTask(link, TaskSwitch::Return, nextRip, std::nullopt);
        state.nmiBlocked = 0;
        return;
    }
    const uint64_t target = peek(0, operandBytes);
    const auto selector = static_cast<uint16_t>(peek(operandBytes, operandBytes));
    const uint64_t flags = peek(2 * operandBytes, operandBytes);
    if (realMode() || vm86()) {
        require(target <= state.segment[kCs].limit, kGeneralProtection, 0);
        releaseStack(3 * operandBytes);
        realJump(*this, selector, target);
        setFlags(flags, mask);
        state.nmiBlocked = 0;
        return;
    }
    if (!longModeActive(state) && operandBytes == 4 && (flags & kFlagVm) && oldCpl == 0) {
        uint64_t frame[6]; // ESP SS ES DS FS GS
        for (unsigned i = 0; i < 6; ++i)
            frame[i] = peek(12 + uint64_t{i} * 4, 4);
        setFlags(flags, mask | kFlagVm);
        setGpr(kRsp, 4, frame[0]);
        static constexpr unsigned kOrder[5] = {kSs, kEs, kDs, kFs, kGs};
        for (unsigned i = 0; i < 5; ++i)
            loadRealSegment(kOrder[i], static_cast<uint16_t>(frame[i + 1]));
        loadRealSegment(kCs, selector);
        nextRip = target & 0xFFFF;
        state.nmiBlocked = 0;
        return;
    }
    const Descriptor code = returnCode(*this, selector);
    const unsigned newCpl = selector & 3;
    const bool popsStack = is64() || newCpl != oldCpl;
    if (!popsStack) {
        releaseStack(3 * operandBytes);
        enterCode(*this, code, target, newCpl);
    } else {
        const uint64_t newPointer = peek(3 * operandBytes, operandBytes);
        const auto newStack = static_cast<uint16_t>(peek(4 * operandBytes, operandBytes));
        checkTarget(*this, code, target);
        returnStack(*this, code, newStack, newCpl);
        enterCode(*this, code, target, newCpl);
        setStackPointer(newPointer);
        if (newCpl != oldCpl)
            dropInaccessibleSegments();
    }
    setFlags(flags, mask);
    state.nmiBlocked = 0;
}

} // namespace vivarium::softcpu
