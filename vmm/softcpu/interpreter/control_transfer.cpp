#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

struct FarTarget {
    uint16_t selector;
    uint64_t offset;
};

// The pointer of a far CALL or JMP: in the instruction or in memory.
FarTarget farTarget(Engine& e) {
    const Operand& operand = e.operand(0);
    const unsigned bytes = e.instruction->operandBytes;
    if (operand.kind == OperandKind::FarPointer)
        return {static_cast<uint16_t>(operand.immediate >> 32),
                static_cast<uint64_t>(operand.immediate) & 0xFFFFFFFF};
    const uint64_t address = e.operandLinear(bytes + 2, AccessKind::Read);
    uint8_t raw[10] = {};
    e.loadBytes(address, raw, bytes + 2, dataTlbMode(e.state));
    FarTarget target{loadLe<uint16_t>(raw + bytes), loadLe<uint64_t>(raw)};
    target.offset &= accessMask(bytes);
    return target;
}

// FF /3 and /5, 9A and EA.
bool isFar(const Instruction& instruction) {
    if (instruction.opcode == 0xFF)
        return ((instruction.modrm >> 3) & 1) != 0;
    return instruction.opcode == 0x9A || instruction.opcode == 0xEA;
}

uint64_t nearTarget(Engine& e) {
    if (e.operand(0).kind == OperandKind::Immediate)
        return e.nextRip + static_cast<uint64_t>(e.operand(0).immediate);
    return e.read(0);
}

unsigned branchBytes(const Engine& e) {
    return e.is64() ? 8 : e.instruction->operandBytes;
}

void jmp(Engine& e) {
    if (isFar(*e.instruction)) {
        const FarTarget target = farTarget(e);
        return e.farJump(target.selector, target.offset, e.instruction->operandBytes);
    }
    e.jumpTo(nearTarget(e), branchBytes(e));
}

void call(Engine& e) {
    if (isFar(*e.instruction)) {
        const FarTarget target = farTarget(e);
        return e.farCall(target.selector, target.offset, e.instruction->operandBytes);
    }
    const uint64_t returnAddress = e.nextRip, target = nearTarget(e);
    e.jumpTo(target, branchBytes(e)); // checks the target before anything is pushed
    e.push(returnAddress & accessMask(branchBytes(e)), branchBytes(e));
}

uint16_t released(const Engine& e) {
    return e.instruction->operandCount > 0 && e.operand(0).kind == OperandKind::Immediate
               ? static_cast<uint16_t>(e.operand(0).immediate)
               : uint16_t{0};
}

void ret(Engine& e) {
    if (e.instruction->opcode == 0xCA || e.instruction->opcode == 0xCB)
        return e.farReturn(e.instruction->operandBytes, released(e));
    e.jumpTo(e.pop(branchBytes(e)), branchBytes(e));
    e.releaseStack(released(e));
}

void jcc(Engine& e) {
    if (e.condition(e.instruction->opcode & 15))
        e.jumpTo(nearTarget(e), branchBytes(e));
}

void jumpIfCountZero(Engine& e) {
    if (e.gpr(kRcx, e.instruction->addressBytes) == 0)
        e.jumpTo(nearTarget(e), branchBytes(e));
}

void loop(Engine& e) {
    const unsigned bytes = e.instruction->addressBytes;
    const uint64_t count = (e.gpr(kRcx, bytes) - 1) & accessMask(bytes);
    bool taken = count != 0;
    if (e.instruction->mnemonic == ZYDIS_MNEMONIC_LOOPE)
        taken = taken && e.flag(kFlagZf);
    else if (e.instruction->mnemonic == ZYDIS_MNEMONIC_LOOPNE)
        taken = taken && !e.flag(kFlagZf);
    if (taken)
        e.jumpTo(nearTarget(e), branchBytes(e));
    e.setGpr(kRcx, bytes, count);
}

void softwareInterrupt(Engine& e) {
    // Intel SDM 3B, 21.3.3: virtual-8086 code needs IOPL 3.
    e.require(!e.vm86() || (e.state.modeKey & mode::kIoPrivileged), kGeneralProtection, 0);
    e.enterEvent(
        {.kind = EventKind::Software, .vector = static_cast<uint8_t>(e.operand(0).immediate)},
        e.nextRip);
}

void int3(Engine& e) {
    e.enterEvent({.kind = EventKind::SoftException, .vector = kBreakpoint}, e.nextRip);
}

void into(Engine& e) {
    if (e.flag(kFlagOf))
        e.enterEvent({.kind = EventKind::SoftException, .vector = kOverflow}, e.nextRip);
}

void int1(Engine& e) {
    e.externalBit = 1;
    e.enterEvent({.kind = EventKind::IceBreakpoint, .vector = kDebugException}, e.nextRip);
}

void bound(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes, unused = 64 - 8 * bytes;
    const uint64_t address = e.operandLinear(2 * bytes, AccessKind::Read);
    const auto extend = [unused](uint64_t value) {
        return static_cast<int64_t>(value << unused) >> unused;
    };
    const int64_t lower = extend(e.load(address, bytes)),
                  upper = extend(e.load(address + bytes, bytes)),
                  index = extend(e.gpr(e.operand(0).reg, bytes));
    if (index < lower || index > upper)
        Engine::raise(kBoundRange);
}

} // namespace

void addControlTransfer(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_JMP] = jmp;
    table[ZYDIS_MNEMONIC_CALL] = call;
    table[ZYDIS_MNEMONIC_RET] = ret;
    for (const ZydisMnemonic name :
         {ZYDIS_MNEMONIC_JO, ZYDIS_MNEMONIC_JNO, ZYDIS_MNEMONIC_JB, ZYDIS_MNEMONIC_JNB,
          ZYDIS_MNEMONIC_JZ, ZYDIS_MNEMONIC_JNZ, ZYDIS_MNEMONIC_JBE, ZYDIS_MNEMONIC_JNBE,
          ZYDIS_MNEMONIC_JS, ZYDIS_MNEMONIC_JNS, ZYDIS_MNEMONIC_JP, ZYDIS_MNEMONIC_JNP,
          ZYDIS_MNEMONIC_JL, ZYDIS_MNEMONIC_JNL, ZYDIS_MNEMONIC_JLE, ZYDIS_MNEMONIC_JNLE})
        table[name] = jcc;
    table[ZYDIS_MNEMONIC_JCXZ] = table[ZYDIS_MNEMONIC_JECXZ] = table[ZYDIS_MNEMONIC_JRCXZ] =
        jumpIfCountZero;
    table[ZYDIS_MNEMONIC_LOOP] = table[ZYDIS_MNEMONIC_LOOPE] = table[ZYDIS_MNEMONIC_LOOPNE] = loop;
    table[ZYDIS_MNEMONIC_INT] = softwareInterrupt;
    table[ZYDIS_MNEMONIC_INT3] = int3;
    table[ZYDIS_MNEMONIC_INT1] = int1;
    table[ZYDIS_MNEMONIC_INTO] = into;
    table[ZYDIS_MNEMONIC_BOUND] = bound;
    table[ZYDIS_MNEMONIC_IRET] = [](Engine& e) { e.interruptReturn(2); };
    table[ZYDIS_MNEMONIC_IRETD] = [](Engine& e) { e.interruptReturn(4); };
    table[ZYDIS_MNEMONIC_IRETQ] = [](Engine& e) { e.interruptReturn(8); };
    table[ZYDIS_MNEMONIC_UD0] = table[ZYDIS_MNEMONIC_UD1] =
        table[ZYDIS_MNEMONIC_UD2] = [](Engine&) { Engine::raise(kInvalidOpcode); };
}

} // namespace vivarium::softcpu
