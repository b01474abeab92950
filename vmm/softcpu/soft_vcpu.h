#pragma once

#include "vmm/bus/port_bus.h"
#include "vmm/bus/vcpu.h"
#include "vmm/devices/interrupt/interrupt_chips.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/softcpu/cpu_bus.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/executor.h"
#include "vmm/softcpu/interpreter/interpreter.h"
#include "vmm/softcpu/interpreter/native_unit.h"
#include "vmm/softcpu/memory/soft_mmu.h"
#include "vmm/softcpu/paravirtual/paravirtual_cpu.h"
#include "vmm/softcpu/soft_memory.h"

#include <atomic>
#include <memory>
#include <vector>

namespace vivarium {

// A vCPU in software: an executor for its instructions, the local APIC's events between them.
// Device accesses go to the buses in the middle of the instruction, so no exit of run() stands for
// one. Threads as Vcpu says.
//
// Inside the run gate it may hold pointers into guest memory and takes no lock but the interrupt
// controllers' own; it leaves the gate around everything that may take the device lock and while
// it waits.
class SoftVcpu final : public Vcpu,
                       private softcpu::CpuBus,
                       private softcpu::CpuPlatform,
                       private ParavirtualCpu::Host {
public:
    struct Environment {
        PortBus& ports;
        MemoryMap& memory;
        SoftMemory& direct;
        RunGate& gate;
        InterruptChips& chips;
        ParavirtualMachine& paravirtual;
    };
    // Makes the executor: the interpreter's or the translator's.
    using ExecutorFactory = std::function<std::unique_ptr<Executor>(
        softcpu::CpuState&, softcpu::SoftMmu&, softcpu::Interpreter&)>;

    SoftVcpu(const Environment& environment, unsigned index, std::vector<CpuidEntry> cpuid,
             std::unique_ptr<softcpu::NativeUnit> native, const ExecutorFactory& makeExecutor);
    ~SoftVcpu() override;
    SoftVcpu(const SoftVcpu&) = delete;
    SoftVcpu& operator=(const SoftVcpu&) = delete;

    VcpuExit run() override;
    void kick() override { attend(softcpu::kAttentionKick); }
    Result<VcpuRegisters> registers() override;
    Result<void> setRegisters(const VcpuRegisters& registers) override;
    std::optional<GuestAddress> translate(uint64_t linearAddress) override;
    Result<void> reset(VcpuStart start) override;
    Result<void> save(StateWriter& writer) override;
    Result<void> restore(StateReader& reader) override;

    // The interrupt controllers have something; any thread.
    void interruptWaits() { attend(softcpu::kAttentionInterrupt); }

private:
    // softcpu::CpuBus
    uint64_t readPhysical(GuestAddress address, unsigned sizeBytes) override;
    void writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) override;
    uint32_t in(uint16_t port, unsigned sizeBytes) override;
    void out(uint16_t port, unsigned sizeBytes, uint32_t value) override;
    // softcpu::CpuPlatform
    softcpu::CpuidResult cpuid(uint32_t leaf, uint32_t subleaf) override;
    std::optional<uint64_t> readMsr(uint32_t index) override;
    bool writeMsr(uint32_t index, uint64_t value) override;
    bool apicBaseWritten(uint64_t value) override;
    uint64_t tsc() override;
    void tscOffsetChanged() override;
    std::optional<uint64_t> hypercall(const Hypercall& call) override;
    uint8_t taskPriority() override;
    void setTaskPriority(uint8_t priority) override;
    void exclusively(const std::function<void()>& function) override;
    void fpuError() override;
    // ParavirtualCpu::Host
    void storeGuest(GuestAddress address, ConstByteSpan bytes) override;
    uint32_t loadGuest(GuestAddress address) override;
    TimeStampRate timeStampRate() const override { return m_chips.timeStampRate(); }
    void interruptSelf(uint8_t vector) override;

    void attend(uint32_t bits);
    void enterGate();
    void leaveGate() { m_gate.leave(m_passage); }
    template <class Function>
    auto outside(Function function);
    void forgetStale();
    void forgetEverything();
    VcpuExit runInside();
    void serviceEvents();
    void serviceInit();
    int64_t sendIpis(const Hypercall& call);
    bool inApicPage(GuestAddress address) const;
    void stateReplaced();

    PortBus& m_ports;
    MemoryMap& m_memory;
    SoftMemory& m_direct;
    RunGate& m_gate;
    InterruptChips& m_chips;
    ParavirtualMachine& m_machine;
    const unsigned m_index;
    ParavirtualCpu m_paravirtual;
    const std::vector<CpuidEntry> m_cpuid;
    RunGate::Passage m_passage;
    // Told by SoftMemory, taken when the gate is entered.
    std::atomic<bool> m_memoryChanged = false, m_writesTracked = false;

    uint64_t m_timersSeenNs = 0; // when tsc() last let due timers fire

    std::unique_ptr<softcpu::CpuState> m_state;
    softcpu::SoftMmu m_mmu;
    std::unique_ptr<softcpu::NativeUnit> m_native;
    softcpu::Interpreter m_interpreter;
    std::unique_ptr<Executor> m_executor;
};

} // namespace vivarium
