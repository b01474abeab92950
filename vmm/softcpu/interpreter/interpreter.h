#pragma once

#include "vmm/softcpu/cpu_bus.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/interpreter/native_unit.h"
#include "vmm/softcpu/memory/soft_mmu.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace vivarium::softcpu {

class CpuFeatures;
class Engine;

// Exception vectors (Intel SDM 3A, table 6-1).
inline constexpr uint8_t kDivideError = 0, kDebugException = 1, kNmi = 2, kBreakpoint = 3,
                         kOverflow = 4, kBoundRange = 5, kInvalidOpcode = 6,
                         kDeviceNotAvailable = 7, kDoubleFault = 8, kInvalidTss = 10,
                         kSegmentNotPresent = 11, kStackFault = 12, kGeneralProtection = 13,
                         kPageFaultVector = 14, kMathFault = 16, kAlignmentCheckVector = 17,
                         kMachineCheck = 18, kSimdException = 19;

// An exception that an instruction raises, before delivery.
struct GuestException {
    uint8_t vector = kInvalidOpcode;
    std::optional<uint32_t> errorCode{};
    uint64_t faultAddress = 0; // CR2, for page faults
    uint64_t debugStatus = 0;  // bits for DR6, for debug exceptions
};
GuestException toException(const PageFault& fault);

enum class StepResult {
    Executed, // one instruction, or one part of a repeated one (RIP stands still)
    Faulted,  // an exception was delivered; RIP is at its handler
    Halted,   // HLT: state.activity is Halted
    Shutdown, // triple fault: state.activity is Shutdown
};

// Executes single instructions with exact fault semantics: the software CPU's reference and slow
// path, and what completes instructions for KVM. One per vCPU, on its thread. It keeps no guest
// state of its own: all of it is in CpuState, which may be changed between calls (with
// updateModeKey() and TLB flushes where due).
class Interpreter {
public:
    Interpreter(CpuState& state, SoftMmu& mmu, CpuBus& bus, CpuPlatform& platform,
                NativeUnit& native);
    ~Interpreter();

    // The instruction at RIP. Debug traps and TF single steps are taken at its end. Does not look
    // at interrupts; a repeated string instruction stops between two elements when
    // state.attention is set.
    StepResult step();

    // Delivers an external interrupt (the caller has checked interruptible()), an NMI, or an
    // exception that was found elsewhere, with RIP at the instruction to return to. Faults during
    // delivery become double fault and shutdown as the manual says. Clears Halted.
    StepResult deliverInterrupt(uint8_t vector);
    StepResult deliverNmi();
    StepResult deliverException(const GuestException& exception);

    // The CPU's model, cached from CpuPlatform::cpuid at construction.
    const CpuFeatures& features() const;

private:
    std::unique_ptr<Engine> m_engine;
};

} // namespace vivarium::softcpu
