#pragma once

#include "vmm/softcpu/interpreter/engine.h"

namespace vivarium::softcpu {

// The parts of an instruction's memory operand that an opmask selects (Instruction::masked): what
// it leaves out is not touched and does not fault.
class MaskedOperand {
public:
    // Throws what the addresses of the parts raise.
    MaskedOperand(Engine& engine, AccessKind kind);
    // The parts of `operand`, which has the size of all of it. Throw what memory raises.
    void load(uint8_t* operand);
    void probeWrite();
    void store(const uint8_t* operand);

private:
    struct Run {
        uint64_t linear;
        unsigned offset, bytes;
    };
    static constexpr unsigned kMaxRuns = 32; // of 64 elements, with gaps
    Engine& m_engine;
    Run m_runs[kMaxRuns];
    unsigned m_count = 0;
};

} // namespace vivarium::softcpu
