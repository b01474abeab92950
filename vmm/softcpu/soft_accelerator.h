#pragma once

#include "vmm/bus/accelerator.h"
#include "vmm/bus/port_bus.h"
#include "vmm/devices/interrupt/interrupt_chips.h"
#include "vmm/kvm/cpu_topology.h"
#include "vmm/kvm/run_gate.h"
#include "vmm/softcpu/native_reserve.h"
#include "vmm/softcpu/soft_memory.h"
#include "vmm/softcpu/soft_vcpu.h"
#include "vmm/softcpu/translator/code_coherence.h"

#include <memory>
#include <vector>

namespace vivarium {

// The accelerator of hosts without (usable) KVM: vCPUs, interrupt controllers and PIT in software.
// Device accesses of its vCPUs go straight to the buses. It has no host events: doorbells ring in
// the devices' ordinary handlers. Owner: the machine; threads as Accelerator says.
class SoftAccelerator final : public Accelerator {
public:
    // All outlive it.
    struct Services {
        DeviceLock& deviceLock;
        PortBus& ports;
        MemoryMap& memoryMap;
        TimerQueue& timers;
        NativeReserve& reserve;
    };
    // Errors: InvalidArgument (topology), LimitExceeded.
    static Result<std::unique_ptr<SoftAccelerator>> create(const Services& services,
                                                           const CpuTopology& topology);
    ~SoftAccelerator() override;

    // Devices have written RAM. Any thread.
    void devicesWrote() { m_coherence.devicesWrote(); }

    std::string_view name() const override { return "software"; }
    unsigned vcpuCount() const override { return static_cast<unsigned>(m_vcpus.size()); }
    Vcpu& vcpu(unsigned index) override { return *m_vcpus[index]; }
    DirectMemoryListener& memoryListener() override { return m_memory; }
    InterruptSink& interrupts() override { return *m_chips; }
    DirtyLog& dirtyLog() override { return m_memory; }
    HostEvents* hostEvents() override { return nullptr; }
    void setPitOutput(PitOutput output) override;
    void pauseClock() override {}
    void resumeClock() override;
    Result<void> reset() override;
    Result<void> save(StateWriter& writer) override;
    Result<void> restore(StateReader& reader) override;

private:
    explicit SoftAccelerator(DeviceLock& deviceLock) : m_deviceLock(deviceLock) {}
    Result<void> build(const Services& services, const CpuTopology& topology);

    DeviceLock& m_deviceLock;
    RunGate m_gate;
    SoftMemory m_memory{m_gate};
    softcpu::CodeCoherence m_coherence{m_memory.view()};
    std::unique_ptr<InterruptChips> m_chips;
    std::unique_ptr<ParavirtualMachine> m_paravirtual;
    std::vector<std::unique_ptr<SoftVcpu>> m_vcpus;
};

} // namespace vivarium
