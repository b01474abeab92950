#pragma once

#include "vmm/base/bytes.h"

#include <Zydis/Zydis.h>

#include <cstdint>

namespace vivarium::softcpu {

// An instruction of the guest with everything that re-encoding it needs.
struct GuestInstruction {
    ZydisDecodedInstruction info;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const uint8_t* bytes; // info.length of them
    uint64_t rip;
    uint32_t modeKey;

    // The explicit memory operand, or null.
    const ZydisDecodedOperand* memory() const;
};

// What the translator does with an instruction.
enum class Treatment {
    Interpret, // leaves it to the interpreter
    Skip,      // has no effect: NOP, prefetches, ENDBR
    Copy,      // re-encodes it
    Lea,
    Push,
    Pop,
    Leave,
    Jump,
    ConditionalJump, // Jcc
    CountedJump,     // LOOP, LOOPE, LOOPNE, JCXZ, JECXZ, JRCXZ
    Call,
    Return,
    PushFlags,
    PopFlags,
    StoredFlag, // CLI, STI, CLD, STD: flags that are not in the host's
    BitString,  // BT, BTS, BTR, BTC of memory with a register, which moves the address
};

enum class FetchStatus { Ok, NeedsMore, Undecodable };
// Decodes the instruction at the start of `bytes`, which lies at `rip`, for the mode that `modeKey`
// describes. Any thread.
FetchStatus fetchInstruction(ConstByteSpan bytes, uint64_t rip, uint32_t modeKey,
                             GuestInstruction& instruction);

Treatment treatmentOf(const GuestInstruction& instruction);
// It touches x87, MMX, SSE or AVX state.
bool usesSimd(const GuestInstruction& instruction);

// A general register of the guest: number, size, and whether it is AH, CH, DH or BH.
struct GuestGpr {
    uint8_t number;
    uint8_t sizeBytes;
    bool highByte;
};
bool isGpr(ZydisRegister reg);
GuestGpr gprOf(ZydisRegister reg); // of a general register

} // namespace vivarium::softcpu
