#pragma once

#include "vmm/base/result.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/decode/instruction.h"

#include <cstdint>
#include <memory>

namespace vivarium::softcpu {

// Executes one x87, MMX, SSE or AVX instruction on the host CPU, with the guest's registers loaded
// and its memory operand in a buffer. The code page is mapped twice, writable here and executable
// there. create() before a sandbox closes; execution needs no system call. One per vCPU.
class NativeUnit {
public:
    // Errors: the host's (memfd, mmap), Unsupported (no XSAVE).
    static Result<std::unique_ptr<NativeUnit>> create();
    ~NativeUnit();
    NativeUnit(const NativeUnit&) = delete;
    NativeUnit& operator=(const NativeUnit&) = delete;

    static constexpr unsigned kOperandBytes = 4096; // FXSAVE and XSAVE areas fit
    // The memory operand, before and after run(); 64-byte aligned.
    uint8_t* operand() { return m_operand; }

    // Runs `instruction`, which must not be a branch, system instruction or use VSIB, with general
    // registers, arithmetic flags and `state.xsave` in and out. SIMD exceptions are masked by the
    // caller (MXCSR in `state.xsave`).
    void run(CpuState& state, const Instruction& instruction);

private:
    NativeUnit(uint8_t* writable, uint8_t* executable);
    void assemble(const Instruction& instruction);

    uint8_t* m_writable;
    uint8_t* m_executable;
    alignas(64) uint8_t m_operand[kOperandBytes];
    uint64_t m_lastKey[3] = {};
    bool m_assembled = false;
};

} // namespace vivarium::softcpu
