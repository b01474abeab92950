#include "vmm/softcpu/translator/flag_instructions.h"

namespace vivarium::softcpu {

namespace {

constexpr uint64_t kSystemFlags =
    kFlagTf | kFlagIf | kFlagDf | kFlagIopl | kFlagNt | kFlagAc | kFlagId;

// reg &= mask, without touching the flags.
void keepBits(Emitter& code, HostRegister reg, const uint64_t& mask) {
    code.pext(reg, reg, dataField(&mask));
    code.pdep(reg, reg, dataField(&mask));
}

} // namespace

void setFlagInstructionMasks(TranslatorData& data) {
    data.arithmeticFlags = kArithmeticFlags;
    data.storedFlags = (kWritableFlags | kFlagFixed) & ~(kArithmeticFlags | kFlagRf | kFlagVm);
    data.popFlags = kSystemFlags;
    data.popFlags16 = kSystemFlags & 0xFFFF;
    data.popPrivileged = kSystemFlags & ~kFlagIf;
    data.popPrivileged16 = data.popPrivileged & 0xFFFF;
    data.interruptFlag = kFlagIf;
    data.notInterruptFlag = ~kFlagIf;
    data.notDirectionFlag = ~kFlagDf;
    for (unsigned i = 0; i < 3; ++i)
        data.bitIndexMask[i] = (16u << i) - 1;
}

void flagsToAddress(OperandEmitter& operands) {
    Emitter& code = operands.code();
    TranslatorData& data = operands.data();
    code.byte(0x9C); // PUSHFQ
    code.byte(0x59); // POP RCX
    keepBits(code, kScratch, data.arithmeticFlags);
    code.load(kAddress, stateField(offsetof(CpuState, rflags)));
    keepBits(code, kAddress, data.storedFlags);
    code.lea(kAddress, sumOf(kAddress, kScratch));
}

namespace {

// Leaves for the interpreter when somebody waits for interrupts to be enabled.
void checkWindow(OperandEmitter& operands, uint64_t rip) {
    operands.code().loadZeroExtended(
        kScratch, stateField(offsetof(CpuState, interruptWindowWanted)), Width::Bits8);
    operands.interpretUnlessRcxZero(rip);
}

} // namespace

void addressToFlags(OperandEmitter& operands, unsigned sizeBytes, uint64_t rip) {
    Emitter& code = operands.code();
    TranslatorData& data = operands.data();
    bool privileged = operands.modeKey() & mode::kIoPrivileged;
    const uint64_t& mask = privileged ? sizeBytes == 2 ? data.popPrivileged16 : data.popPrivileged
                           : sizeBytes == 2 ? data.popFlags16
                                            : data.popFlags;
    HostMemory changes = dataField(&mask);
    code.load(kAddend, stateField(offsetof(CpuState, rflags)));
    code.pext(kAddend, kAddend, changes);
    code.bitwiseNot(kAddend);
    code.pext(kScratch, kAddress, changes);
    code.lea(kScratch, sumOf(kScratch, kAddend, 1)); // new - old
    operands.interpretUnlessRcxZero(rip);
    if (privileged) {
        checkWindow(operands, rip);
        HostMemory flags = stateField(offsetof(CpuState, rflags));
        code.load(kScratch, flags);
        keepBits(code, kScratch, data.notInterruptFlag);
        code.move(kAddend, kAddress);
        keepBits(code, kAddend, data.interruptFlag);
        code.lea(kScratch, sumOf(kScratch, kAddend));
        code.store(flags, kScratch);
    }
    keepBits(code, kAddress, data.arithmeticFlags);
    // The interrupt flag is the host's; nothing else may be set there.
    code.lea(kAddress, baseAnd(kAddress, static_cast<int32_t>(kFlagFixed | kFlagIf)));
    code.byte(0x41); // PUSH R14
    code.byte(0x56);
    code.byte(0x9D); // POPFQ
}

void changeStoredFlag(OperandEmitter& operands, ZydisMnemonic mnemonic, uint64_t rip) {
    Emitter& code = operands.code();
    TranslatorData& data = operands.data();
    HostMemory flags = stateField(offsetof(CpuState, rflags));
    bool interrupt = mnemonic == ZYDIS_MNEMONIC_CLI || mnemonic == ZYDIS_MNEMONIC_STI;
    if (mnemonic == ZYDIS_MNEMONIC_STI)
        checkWindow(operands, rip);
    code.load(kScratch, flags);
    keepBits(code, kScratch, interrupt ? data.notInterruptFlag : data.notDirectionFlag);
    if (mnemonic == ZYDIS_MNEMONIC_STD)
        code.lea(kScratch, baseAnd(kScratch, static_cast<int32_t>(kFlagDf)));
    else if (mnemonic == ZYDIS_MNEMONIC_STI)
        code.lea(kScratch, baseAnd(kScratch, static_cast<int32_t>(kFlagIf)));
    code.store(flags, kScratch);
}

// Intel SDM 1, 3.1.1.9 "Bit(BitBase, BitOffset)": the operand-sized piece that holds the bit.
bool bitString(OperandEmitter& operands, const GuestInstruction& instruction) {
    const ZydisDecodedOperand& memory = instruction.operands[0];
    const ZydisDecodedOperand& number = instruction.operands[1];
    if (memory.type != ZYDIS_OPERAND_TYPE_MEMORY || !isGpr(number.reg.value))
        return false;
    Emitter& code = operands.code();
    GuestGpr gpr = gprOf(number.reg.value);
    unsigned log2 = gpr.sizeBytes == 8 ? 3 : gpr.sizeBytes == 4 ? 2 : 1;
    operands.effectiveAddress(instruction, memory);
    HostRegister bit = operands.registerOrLoad(gpr.number, kScratch);
    if (gpr.sizeBytes == 8) {
        if (bit != kScratch)
            code.move(kScratch, bit);
    } else {
        code.signExtend(kScratch, bit, gpr.sizeBytes == 4 ? Width::Bits32 : Width::Bits16);
    }
    code.loadImmediate(kAddend, log2 + 3);
    code.shiftRightArithmetic(kScratch, kScratch, kAddend);
    HostMemory piece = sumOf(kAddress, kScratch);
    piece.scaleShift = static_cast<uint8_t>(log2);
    code.lea(kAddress, piece);
    auto segment = static_cast<unsigned>(memory.mem.segment - ZYDIS_REGISTER_ES);
    bool test = instruction.info.mnemonic == ZYDIS_MNEMONIC_BT;
    AccessKind kind = test ? AccessKind::Read : AccessKind::Write;
    if (!operands.segmentToLinear(segment, kind, gpr.sizeBytes, instruction.rip))
        return false;
    operands.hostAddress(kind, gpr.sizeBytes, instruction.rip);
    bit = operands.registerOrLoad(gpr.number, kScratch);
    code.pext(kScratch, bit, dataField(&operands.data().bitIndexMask[log2 - 1]));
    if (instruction.info.attributes & ZYDIS_ATTRIB_HAS_LOCK)
        code.byte(0xF0);
    code.legacy(gpr.sizeBytes == 2 ? 0x66 : 0, gpr.sizeBytes == 8 ? Width::Bits64 : Width::Bits32,
                {0x0F, instruction.info.opcode}, kScratch, sumOf(kAddress, kAddend));
    return true;
}

} // namespace vivarium::softcpu
