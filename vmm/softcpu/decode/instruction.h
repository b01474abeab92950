#pragma once

#include <cstdint>

namespace vivarium::softcpu {

enum class OperandKind : uint8_t {
    None,
    Gpr,        // `reg` 0..15
    GprHigh,    // AH CH DH BH: `reg` 0..3
    Segment,    // `reg` 0..5
    Control,    // `reg` 0..15
    Debug,      // `reg` 0..15
    Immediate,  // `immediate`
    Memory,     // Instruction::memory
    FarPointer, // `immediate`: selector << 32 | offset
    Other,      // x87, MMX, vector, mask registers: only the native unit cares
};

struct Operand {
    OperandKind kind = OperandKind::None;
    uint8_t reg = 0;
    uint16_t sizeBytes = 0;
    bool read = false;
    bool written = false;
    bool inRm = false;     // encoded in ModRM.rm
    int64_t immediate = 0; // sign-extended as the instruction says; the target of near branches
                           // relative to the next instruction
};

inline constexpr uint8_t kNoRegister = 0xFF, kRipRegister = 0x10;

struct MemoryOperand {
    uint8_t segment = 3;         // hardware number, overrides applied
    uint8_t base = kNoRegister;  // 0..15, kRipRegister
    uint8_t index = kNoRegister; // 0..15, or a vector register with `vsib`
    uint8_t scale = 0;           // 1, 2, 4, 8
    uint8_t addressBytes = 0;    // 2, 4, 8: effective address size
    bool vsib = false;
    int64_t displacement = 0;
};

// How an opmask governs an EVEX memory operand (Intel SDM 2A, 2.7 and 2.8).
enum class Masking : uint8_t {
    None,       // all of the operand is accessed, whatever the mask says
    Elements,   // an element for each bit
    Compressed, // as many elements as there are bits, one after the other
    Whole,      // all of the operand, unless no bit is set
};

struct MaskedMemory {
    Masking masking = Masking::None;
    uint8_t maskBits = 0; // of the opmask, that count
    uint8_t elementBytes = 0;
};

enum class Repeat : uint8_t { None, Rep, Repne };
enum class Encoding : uint8_t { Legacy, Vex, Evex, Other };

// A decoded instruction, small enough to be cached. Operands are the explicit ones in Intel's
// order; implicit ones are the handler's business.
struct Instruction {
    static constexpr unsigned kMaxBytes = 15;
    static constexpr unsigned kMaxOperands = 5;

    uint16_t mnemonic = 0; // ZydisMnemonic
    uint16_t isaSet = 0;   // ZydisISASet
    uint16_t category = 0; // ZydisInstructionCategory
    uint8_t length = 0;
    uint8_t prefixCount = 0;  // legacy prefixes and REX at the start of `bytes`
    uint8_t operandBytes = 0; // 1, 2, 4, 8 by opcode, mode and prefixes
    uint8_t addressBytes = 0;
    uint8_t operandCount = 0;
    uint8_t opcode = 0;
    uint8_t opcodeMap = 0;
    bool lock = false;
    bool hasModrm = false;
    Repeat repeat = Repeat::None;
    Encoding encoding = Encoding::Legacy;
    uint8_t modrm = 0;
    uint8_t modrmOffset = 0;
    uint8_t immediateBytes = 0;            // at the end of `bytes`
    uint8_t segmentOverride = kNoRegister; // effective default-DS segment override, or none
    uint8_t memoryIndex = kMaxOperands;    // which operand is the memory operand
    uint8_t codeSize = 0;                  // mode::kCode16...
    Operand operand[kMaxOperands];
    MemoryOperand memory;
    uint8_t maskRegister = 0; // opmask that an EVEX prefix names; 0: none
    MaskedMemory masked;
    uint8_t bytes[kMaxBytes] = {};
};

} // namespace vivarium::softcpu
