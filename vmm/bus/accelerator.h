#pragma once

#include "vmm/base/result.h"
#include "vmm/bus/dirty_log.h"
#include "vmm/bus/host_events.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/vcpu.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <string_view>

namespace vivarium {

// What executes a guest: the vCPUs, the interrupt controllers (PICs, IOAPIC, local APICs), the PIT
// with its speaker port, and the CPUs' direct view of memory. Owner: the machine. Unless said
// otherwise, calls need all vCPUs outside run().
class Accelerator {
public:
    virtual ~Accelerator() = default;
    virtual std::string_view name() const = 0; // "kvm"

    virtual unsigned vcpuCount() const = 0; // fixed at creation, at least 1
    virtual Vcpu& vcpu(unsigned index) = 0;

    // To be given to MemoryMap::setListener before the first run and detached (null) before this
    // object goes. May change memory while vCPUs run.
    virtual DirectMemoryListener& memoryListener() = 0;
    virtual InterruptSink& interrupts() = 0; // any thread, any time
    virtual DirtyLog& dirtyLog() = 0;        // any thread, any time
    virtual HostEvents* hostEvents() = 0;    // any thread, any time; null: not offered

    // Whether PIT channel 0 drives interrupt 0; not while the HPET replaces it (HPET 1.0a, 2.3.5
    // LEG_RT_CNF). Any thread.
    enum class PitOutput { Connected, Disconnected };
    virtual void setPitOutput(PitOutput output) = 0;

    // Guest clocks that the accelerator keeps (kvmclock) stop and go on.
    virtual void pauseClock() = 0;
    virtual void resumeClock() = 0;

    // Power-on state of the interrupt controllers and the PIT; vCPUs are reset one by one.
    virtual Result<void> reset() = 0;
    // All state but the vCPUs', as fields of the section that the caller has begun or entered.
    virtual Result<void> save(StateWriter& writer) = 0;
    virtual Result<void> restore(StateReader& reader) = 0;
};

} // namespace vivarium
