#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/bus/accelerator.h"
#include "vmm/kvm/cpu_topology.h"
#include "vmm/kvm/instruction_completion.h"
#include "vmm/kvm/kvm_interrupts.h"
#include "vmm/kvm/kvm_memory_slots.h"
#include "vmm/kvm/kvm_system.h"
#include "vmm/kvm/kvm_vcpu.h"
#include "vmm/kvm/run_gate.h"

#include <memory>
#include <optional>
#include <vector>

namespace vivarium {

// A KVM virtual machine: in-kernel PICs, IOAPIC, local APICs and PIT, memory slots, vCPUs. The
// engine's `Accelerator` on hosts with KVM. Owner: the machine; threads as Accelerator says.
class KvmVm : public Accelerator {
public:
    // When the interrupt controllers, the PIT and the vCPUs come into being. Memory that is mapped
    // after them first waits 5 ms and more for the kernel, which is most of a machine's start:
    // with Later the memory map gets its listener, RAM and ROM first, then addProcessors().
    enum class Processors { Now, Later };
    // `system` is borrowed. Errors: InvalidArgument and LimitExceeded (topology), or the host's.
    static Result<std::unique_ptr<KvmVm>> create(const KvmSystem& system,
                                                 const CpuTopology& topology,
                                                 Processors processors = Processors::Now);
    // Once, after create() with Later and before anything else but mapping memory. Errors: the
    // host's.
    Result<void> addProcessors();
    // What completes instructions that KVM cannot emulate; before addProcessors().
    void setCompletion(InstructionCompletionFactory factory) { m_completion = std::move(factory); }
    ~KvmVm() override;

    std::string_view name() const override { return "kvm"; }
    unsigned vcpuCount() const override { return static_cast<unsigned>(m_vcpus.size()); }
    Vcpu& vcpu(unsigned index) override { return *m_vcpus[index]; }
    DirectMemoryListener& memoryListener() override { return m_slots; }
    InterruptSink& interrupts() override { return m_interrupts; }
    DirtyLog& dirtyLog() override { return m_slots; }
    HostEvents* hostEvents() override { return &m_interrupts; }
    void setPitOutput(PitOutput output) override;
    void pauseClock() override;
    void resumeClock() override;
    Result<void> reset() override;
    Result<void> save(StateWriter& writer) override;
    Result<void> restore(StateReader& reader) override;

    int fd() const { return m_fd.get(); }

private:
    // Interrupt controllers and PIT, as the kernel's structures.
    struct Chips {
        std::vector<uint8_t> pic0, pic1, ioapic, pit;
    };
    KvmVm(const KvmSystem& system, UniqueFd fd, const CpuTopology& topology);
    Result<void> createChips();
    Result<void> createVcpus();
    Result<Chips> readChips() const;
    Result<void> writeChips(const Chips& chips) const;

    const KvmSystem& m_system;
    const CpuTopology m_topology;
    UniqueFd m_fd;
    RunGate m_gate;
    KvmMemorySlots m_slots;
    KvmInterrupts m_interrupts;
    InstructionCompletionFactory m_completion;
    std::vector<std::unique_ptr<KvmVcpu>> m_vcpus;
    Chips m_powerOn;
    std::optional<uint64_t> m_pausedClockNs; // kvmclock while it stands still
};

} // namespace vivarium
