#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

void push(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes;
    if (e.operand(0).kind == OperandKind::Immediate)
        return e.push(static_cast<uint64_t>(e.operand(0).immediate) & accessMask(bytes), bytes);
    if (e.operand(0).kind == OperandKind::Segment && bytes == 4) {
        // Only the low word is written (Intel SDM 2B, PUSH).
        const uint64_t top = (e.state.gpr[kRsp] - 4) & accessMask(e.stackAddressBytes());
        e.writeMemory(kSs, top, 2, e.read(0));
        return e.setStackPointer(top);
    }
    e.push(e.read(0), bytes);
}

void pop(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes;
    if (e.operand(0).kind == OperandKind::Segment) {
        const unsigned segment = e.operand(0).reg;
        const auto selector = static_cast<uint16_t>(e.peek(0, bytes == 2 ? 2 : bytes));
        // The pointer moves by the old stack's rules, and must not be lost to the new SS.
        e.releaseStack(bytes);
        e.loadSegment(segment, selector);
        if (segment == kSs) {
            e.state.interruptShadow = kShadowMovSs;
            e.shadowNext = true;
        }
        return;
    }
    // An address with RSP as its base uses the value after the pop.
    const uint64_t value = e.pop(bytes);
    e.write(0, value);
}

template <unsigned bytes>
void pushAll(Engine& e) {
    const uint64_t original = e.state.gpr[kRsp];
    for (unsigned reg = 0; reg < 8; ++reg)
        e.push((reg == kRsp ? original : e.state.gpr[reg]) & accessMask(bytes), bytes);
}

template <unsigned bytes>
void popAll(Engine& e) {
    for (unsigned reg = 8; reg-- > 0;) {
        const uint64_t value = e.pop(bytes);
        if (reg != kRsp)
            e.setGpr(reg, bytes, value);
    }
}

template <unsigned bytes>
void pushFlags(Engine& e) {
    e.require(!e.vm86() || (e.state.modeKey & mode::kIoPrivileged), kGeneralProtection, 0);
    e.push(e.state.rflags & ~(kFlagRf | kFlagVm) & accessMask(bytes), bytes);
}

template <unsigned bytes>
void popFlags(Engine& e) {
    const bool ioPrivileged = e.state.modeKey & mode::kIoPrivileged;
    e.require(!e.vm86() || ioPrivileged, kGeneralProtection, 0);
    uint64_t mask = kArithmeticFlags | kFlagTf | kFlagDf | kFlagNt;
    if (bytes > 2)
        mask |= kFlagAc | kFlagId;
    if (ioPrivileged)
        mask |= kFlagIf;
    if (cpl(e.state) == 0)
        mask |= kFlagIopl;
    e.setFlags(e.pop(bytes), mask);
}

void enter(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes, stackBytes = e.stackAddressBytes();
    const auto allocate = static_cast<uint64_t>(e.operand(0).immediate) & 0xFFFF;
    const unsigned level = static_cast<unsigned>(e.operand(1).immediate) & 31;
    uint64_t framePointer = e.state.gpr[kRbp];
    e.push(e.gpr(kRbp, bytes), bytes);
    const uint64_t frame = e.state.gpr[kRsp];
    if (level > 0) {
        for (unsigned i = 1; i < level; ++i) {
            framePointer = (framePointer - bytes) & accessMask(stackBytes);
            e.push(e.readMemory(kSs, framePointer, bytes), bytes);
        }
        e.push(frame & accessMask(bytes), bytes);
    }
    const uint64_t top = (e.state.gpr[kRsp] - allocate) & accessMask(stackBytes);
    // The new top must be writable (Intel SDM 2A, ENTER).
    const uint64_t address = e.linear(kSs, top, 1, AccessKind::Write);
    Engine::throwFault(e.mmu.probeWrite(address, 1, dataTlbMode(e.state)));
    e.setStackPointer(top);
    e.setGpr(kRbp, bytes, frame);
}

void leave(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes;
    e.setStackPointer(e.state.gpr[kRbp]);
    e.setGpr(kRbp, bytes, e.pop(bytes));
}

} // namespace

void addStackInstructions(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_PUSH] = push;
    table[ZYDIS_MNEMONIC_POP] = pop;
    table[ZYDIS_MNEMONIC_PUSHA] = pushAll<2>;
    table[ZYDIS_MNEMONIC_PUSHAD] = pushAll<4>;
    table[ZYDIS_MNEMONIC_POPA] = popAll<2>;
    table[ZYDIS_MNEMONIC_POPAD] = popAll<4>;
    table[ZYDIS_MNEMONIC_PUSHF] = pushFlags<2>;
    table[ZYDIS_MNEMONIC_PUSHFD] = pushFlags<4>;
    table[ZYDIS_MNEMONIC_PUSHFQ] = pushFlags<8>;
    table[ZYDIS_MNEMONIC_POPF] = popFlags<2>;
    table[ZYDIS_MNEMONIC_POPFD] = popFlags<4>;
    table[ZYDIS_MNEMONIC_POPFQ] = popFlags<8>;
    table[ZYDIS_MNEMONIC_ENTER] = enter;
    table[ZYDIS_MNEMONIC_LEAVE] = leave;
}

} // namespace vivarium::softcpu
