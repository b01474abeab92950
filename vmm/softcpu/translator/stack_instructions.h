#pragma once

#include "vmm/softcpu/translator/operand_emitter.h"

namespace vivarium::softcpu {

// Instructions that push and pop, and what calls and returns share with them. false: for the
// interpreter.

bool push(OperandEmitter& operands, const GuestInstruction& instruction);
bool pop(OperandEmitter& operands, const GuestInstruction& instruction);
bool pushFlags(OperandEmitter& operands, const GuestInstruction& instruction);
bool popFlags(OperandEmitter& operands, const GuestInstruction& instruction);
bool leave(OperandEmitter& operands, const GuestInstruction& instruction);

inline unsigned operandBytes(const GuestInstruction& instruction) {
    return instruction.info.operand_width / 8u;
}
inline Width widthOf(unsigned sizeBytes) {
    return sizeBytes == 8 ? Width::Bits64 : sizeBytes == 4 ? Width::Bits32 : Width::Bits16;
}

// kAddress + kAddend = host address of the stack slot at [stack pointer + displacement].
bool stackSlot(OperandEmitter& operands, AccessKind kind, int32_t displacement, unsigned sizeBytes,
               uint64_t rip);
// kAddress = the value at kAddress + kAddend.
void loadFromHost(OperandEmitter& operands, unsigned sizeBytes);
// Stores `value` at kAddress + kAddend. Uses kScratch.
void storeConstant(OperandEmitter& operands, uint64_t value, unsigned sizeBytes);

} // namespace vivarium::softcpu
