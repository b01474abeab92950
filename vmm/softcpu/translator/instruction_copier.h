#pragma once

#include "vmm/softcpu/translator/operand_emitter.h"

namespace vivarium::softcpu {

// Re-encodes instructions that do in the host what they do in the guest: same opcode, registers
// renamed to their homes, the memory operand replaced by its host address, 16- and 32-bit code in
// 64-bit mode's encodings.
class InstructionCopier {
public:
    explicit InstructionCopier(OperandEmitter& operands)
        : m_operands(operands), m_code(operands.code()) {}

    // An instruction of Treatment::Copy or Lea. false: it needs more registers than there are, so
    // the interpreter has to do it; code emitted so far for it is to be dropped by the caller.
    bool copy(const GuestInstruction& instruction);
    bool lea(const GuestInstruction& instruction);

private:
    // A guest register that takes part, and the host register that stands for it.
    struct Part {
        uint8_t guest;
        HostRegister host;
        bool temporary; // loaded before and stored after
        bool written;
    };
    // How the ModRM and VEX register fields read in the host's encoding, 0..15.
    struct Fields {
        unsigned reg = 0, rm = 0, vvvv = 0, opcodeRegister = 0;
        bool rmIsMemory = false;
        bool hasModrm = false;
        bool needsRex = false;   // SPL, BPL, SIL, DIL
        bool forbidsRex = false; // AH, CH, DH, BH
        HostMemory memory;
    };

    bool assignRegisters(const GuestInstruction& instruction, bool hasMemory);
    bool addPart(const ZydisDecodedOperand& operand, bool highBytes);
    HostRegister takeTemporary();
    const Part* partOf(unsigned guest) const;
    HostMemory hostOperand();
    void notePointers(const GuestInstruction& instruction);
    unsigned encodedRegister(ZydisRegister reg) const;
    void loadTemporaries();
    void storeTemporaries();
    Fields fieldsOf(const GuestInstruction& instruction, const HostMemory& memory) const;
    bool emit(const GuestInstruction& instruction, const Fields& fields);
    bool emitLegacy(const GuestInstruction& instruction, const Fields& fields);
    bool emitVex(const GuestInstruction& instruction, const Fields& fields);
    void emitModrmAndRest(const GuestInstruction& instruction, const Fields& fields);

    OperandEmitter& m_operands;
    Emitter& m_code;
    Part m_parts[6] = {};
    unsigned m_partCount = 0;
    HostRegister m_free[3] = {};
    unsigned m_freeCount = 0;
    bool m_forbidsRex = false;
    bool m_hiddenRcx = false; // the instruction works on RCX itself
    bool m_hiddenRcxWritten = false;
    bool m_addendTaken = false; // kAddress alone has to hold the host address
};

} // namespace vivarium::softcpu
