#pragma once

#include "vmm/base/result.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/decode/instruction.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium::softcpu {

// Executes one x87, MMX, SSE or AVX instruction on the host CPU, with the guest's registers loaded
// and its memory operand in a buffer. The code page is mapped twice, writable here and executable
// there. create() before a sandbox closes; execution needs no system call. One per vCPU.
class NativeUnit {
public:
    // Errors: the host's (memfd, mmap), Unsupported (no XSAVE).
    static Result<std::unique_ptr<NativeUnit>> create();
    // `count` of them, for less than they cost one by one. Errors as create().
    static Result<std::vector<std::unique_ptr<NativeUnit>>> createMany(unsigned count);
    ~NativeUnit();
    NativeUnit(const NativeUnit&) = delete;
    NativeUnit& operator=(const NativeUnit&) = delete;

    static constexpr unsigned kOperandBytes = 4096; // FXSAVE and XSAVE areas fit
    // The memory operand, before and after run(); 64-byte aligned.
    uint8_t* operand() { return m_operand; }

    // Runs `instruction`, which must not be a branch, system instruction or use VSIB, with general
    // registers, arithmetic flags and `state.xsave` in and out. SIMD exceptions are masked by the
    // caller (MXCSR in `state.xsave`), a pending x87 exception has been dealt with. False: it is
    // undefined on the host, and nothing has changed.
    [[nodiscard]] bool run(CpuState& state, const Instruction& instruction);

    // For the handler of SIGILL at `address`: if that is the instruction that this thread's unit
    // runs, where to go on instead, so that run() returns false; otherwise null.
    static const void* afterUndefined(const void* address);

private:
    NativeUnit(uint8_t* writable, uint8_t* executable);

    // What the code in the page reads and writes; its layout is known there.
    struct Frame {
        uint64_t gpr[16];
        uint64_t rflags;
        uint64_t entry;
        uint32_t stateMask;
        uint32_t hostMxcsr;
    };
    // An instruction as it is executed, and which registers stand in for others.
    struct Rewritten {
        uint8_t bytes[Instruction::kMaxBytes + 1] = {};
        uint8_t length = 0;
        uint8_t operandBase = kNoRegister;  // points at the operand
        uint8_t stackStandIn = kNoRegister; // takes RSP's place: the host's stack stays its own
    };
    static Rewritten rewrite(const Instruction& instruction);
    void emitEntryAndExit();
    uint8_t* prepare(const Rewritten& code);

    uint8_t* m_writable;
    uint8_t* m_executable;
    Frame m_frame{};
    uint64_t m_stateMask = 0; // XSAVE components that the host has and guests may use
    bool m_avx = false;
    uint32_t m_exitOffset = 0;
    volatile bool m_undefined = false;
    alignas(64) uint8_t m_operand[kOperandBytes];
};

} // namespace vivarium::softcpu
