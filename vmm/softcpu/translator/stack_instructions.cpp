#include "vmm/softcpu/translator/stack_instructions.h"

#include "vmm/softcpu/translator/flag_instructions.h"

namespace vivarium::softcpu {

bool stackSlot(OperandEmitter& operands, AccessKind kind, int32_t displacement, unsigned sizeBytes,
               uint64_t rip) {
    operands.stackAddress(displacement);
    if (!operands.segmentToLinear(kSs, kind, sizeBytes, rip))
        return false;
    operands.hostAddress(kind, sizeBytes, rip);
    return true;
}

void loadFromHost(OperandEmitter& operands, unsigned sizeBytes) {
    Emitter& code = operands.code();
    if (sizeBytes == 2)
        code.loadZeroExtended(kAddress, sumOf(kAddress, kAddend), Width::Bits16);
    else
        code.load(kAddress, sumOf(kAddress, kAddend), widthOf(sizeBytes));
}

void storeConstant(OperandEmitter& operands, uint64_t value, unsigned sizeBytes) {
    Emitter& code = operands.code();
    auto small = static_cast<int32_t>(value);
    if (sizeBytes == 8 && static_cast<uint64_t>(static_cast<int64_t>(small)) != value) {
        code.loadImmediate(kScratch, value);
        code.store(sumOf(kAddress, kAddend), kScratch);
    } else {
        code.storeImmediate(sumOf(kAddress, kAddend), small, widthOf(sizeBytes));
    }
}

bool push(OperandEmitter& operands, const GuestInstruction& instruction) {
    Emitter& code = operands.code();
    TranslatorData& data = operands.data();
    const ZydisDecodedOperand& operand = instruction.operands[0];
    unsigned size = operandBytes(instruction);
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
        if (!operands.memoryOperand(instruction, operand, AccessKind::Read))
            return false;
        loadFromHost(operands, size);
        code.store(dataField(&data.target), kAddress);
    }
    if (!stackSlot(operands, AccessKind::Write, -static_cast<int32_t>(size), size, instruction.rip))
        return false;
    if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        storeConstant(operands, operand.imm.value.u, size);
    } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
        code.load(kScratch, dataField(&data.target));
        code.store(sumOf(kAddress, kAddend), kScratch, widthOf(size));
    } else {
        HostRegister value = operands.registerOrLoad(gprOf(operand.reg.value).number, kScratch);
        code.store(sumOf(kAddress, kAddend), value, widthOf(size));
    }
    operands.moveStackPointer(-static_cast<int32_t>(size));
    return true;
}

bool pop(OperandEmitter& operands, const GuestInstruction& instruction) {
    unsigned size = operandBytes(instruction);
    if (!stackSlot(operands, AccessKind::Read, 0, size, instruction.rip))
        return false;
    loadFromHost(operands, size);
    operands.moveStackPointer(static_cast<int32_t>(size));
    operands.writeGpr(gprOf(instruction.operands[0].reg.value).number, kAddress, size);
    return true;
}

bool pushFlags(OperandEmitter& operands, const GuestInstruction& instruction) {
    Emitter& code = operands.code();
    TranslatorData& data = operands.data();
    unsigned size = operandBytes(instruction);
    flagsToAddress(operands);
    code.store(dataField(&data.target), kAddress);
    if (!stackSlot(operands, AccessKind::Write, -static_cast<int32_t>(size), size, instruction.rip))
        return false;
    code.load(kScratch, dataField(&data.target));
    code.store(sumOf(kAddress, kAddend), kScratch, widthOf(size));
    operands.moveStackPointer(-static_cast<int32_t>(size));
    return true;
}

bool popFlags(OperandEmitter& operands, const GuestInstruction& instruction) {
    unsigned size = operandBytes(instruction);
    if (!stackSlot(operands, AccessKind::Read, 0, size, instruction.rip))
        return false;
    loadFromHost(operands, size);
    addressToFlags(operands, size, instruction.rip);
    operands.moveStackPointer(static_cast<int32_t>(size));
    return true;
}

bool leave(OperandEmitter& operands, const GuestInstruction& instruction) {
    Emitter& code = operands.code();
    unsigned stack = operands.stackBytes();
    unsigned size = operandBytes(instruction);
    if (stack == 2 || size == 2)
        return false;
    code.move(kAddress, kHostRbp, widthOf(stack));
    if (!operands.segmentToLinear(kSs, AccessKind::Read, size, instruction.rip))
        return false;
    operands.hostAddress(AccessKind::Read, size, instruction.rip);
    loadFromHost(operands, size);
    code.lea(kGuestRspHome, baseAnd(kHostRbp, static_cast<int32_t>(size)), widthOf(stack));
    code.move(kHostRbp, kAddress, widthOf(size));
    return true;
}

} // namespace vivarium::softcpu
