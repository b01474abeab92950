#pragma once

#include "vmm/softcpu/translator/operand_emitter.h"

namespace vivarium::softcpu {

// Instructions that move the guest's flags as a whole, or touch those that are not in the host's
// flags; and bit strings, whose address depends on the bit number.

void setFlagInstructionMasks(TranslatorData& data);

// kAddress = RFLAGS as PUSHF stores them. Uses kScratch.
void flagsToAddress(OperandEmitter& operands);
// The arithmetic flags from kAddress, as POPF of `sizeBytes` loads them. Leaves for the interpreter
// at `rip` when other flags would change. Uses the scratch registers.
void addressToFlags(OperandEmitter& operands, unsigned sizeBytes, uint64_t rip);
// CLI where it is allowed, CLD, STD.
void changeStoredFlag(OperandEmitter& operands, ZydisMnemonic mnemonic, uint64_t rip);
// BT, BTS, BTR, BTC of memory with a register. false: for the interpreter.
bool bitString(OperandEmitter& operands, const GuestInstruction& instruction);

} // namespace vivarium::softcpu
