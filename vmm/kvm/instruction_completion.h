#pragma once

#include "vmm/base/bytes.h"
#include "vmm/bus/vcpu.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace vivarium {

// Carries out single instructions of one vCPU that KVM's emulator cannot (software and nested KVM
// emulate much; a kernel's emulator lacks much). Thread: the vCPU's, outside KVM_RUN. An
// instruction is begin(), setVectors() if that is needed, execute().
class InstructionCompletion {
public:
    virtual ~InstructionCompletion() = default;

    enum class Need {
        General, // the registers of VcpuRegisters are enough
        Vectors, // x87 and SIMD state, too
        Unable,  // not an instruction for this
    };
    // The instruction at RIP.
    virtual Need begin(const VcpuRegisters& registers) = 0;
    // KVM's XSAVE image, standard form, and XCR0.
    virtual void setVectors(ConstByteSpan xsave, uint64_t xcr0) = 0;

    enum class Outcome { Executed, TripleFault };
    // Executes it with all faults it has; `registers` become those after it.
    virtual Outcome execute(VcpuRegisters& registers) = 0;
    // The XSAVE image after it; as long as the one given.
    virtual ConstByteSpan vectors() const = 0;
    // It was an IRET, which ends the blocking of NMIs.
    virtual bool endsNmi() const = 0;
    // Its bytes, for the log.
    virtual std::string text() const = 0;
};

// Makes one for a vCPU, on its thread and when it first needs it; null where there is none.
using InstructionCompletionFactory = std::function<std::unique_ptr<InstructionCompletion>()>;

} // namespace vivarium
