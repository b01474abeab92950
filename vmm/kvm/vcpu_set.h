#pragma once

#include "vmm/base/thread_annotations.h"
#include "vmm/bus/accelerator.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/kvm/exit_dispatch.h"
#include "vmm/kvm/fault_report.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace vivarium {

// Something that only the whole machine can answer. The vCPU that met it waits until the next
// resume() (after a reset, if need be); the others run on until the machine pauses them.
struct VcpuEvent {
    enum class Kind { TripleFault, Reset, PowerOff, GuestCrash, Failed };
    Kind kind = Kind::Failed;
    unsigned vcpuIndex = 0;
    std::optional<FaultReport> fault; // TripleFault and Failed
};

// All vCPU threads of a machine. States: stopped (no threads) -> start() -> paused -> resume() ->
// running -> pause() -> paused ...; stop() from any. Control calls come from one thread (the
// machine's), which must not hold the device lock: a vCPU may be waiting for it.
class VcpuSet {
public:
    struct Hooks {
        // On the vCPU's thread, no lock held; should post to the machine's thread and return.
        std::function<void(const VcpuEvent&)> event;
        // First thing on each new vCPU thread (sandbox filters, names). May be empty.
        std::function<void(unsigned vcpuIndex)> threadStart;
    };

    // All are borrowed and outlive the set.
    VcpuSet(Accelerator& accelerator, PortBus& ports, MemoryMap& memory, Hooks hooks);
    ~VcpuSet();

    enum class State { Stopped, Paused, Running };
    State state() const { return m_state; }

    // Creates the threads, paused. Errors: the host's.
    Result<void> start();
    // Lets all vCPUs go on (also those that wait after an event).
    void resume();
    // Returns when every vCPU is out of the guest and has completed its last access: registers and
    // devices are consistent. Also stops the accelerator's clocks.
    void pause();
    // Asks for a pause without waiting; any thread, also a device handler on a vCPU thread (with
    // the device lock): no vCPU enters the guest again before pause() and resume().
    void requestPause();
    // Whether a vCPU met an event after which it does not go on by itself. While paused.
    bool waits() const;
    // Ends the threads; the vCPUs' state stays.
    void stop();

    // --- Statistics, of the control thread ---
    // CLOCK_MONOTONIC when the first vCPU entered the guest for the first time; 0: not yet.
    uint64_t firstEntryNs() const { return m_firstEntryNs.load(std::memory_order_relaxed); }
    // Exits that all vCPUs have handled since start().
    uint64_t exitCount() const;

    // --- While paused or stopped ---
    // Accelerator and vCPUs to power-on state; `boot` then replaces the first vCPU's registers.
    Result<void> reset(VcpuStart start, const std::optional<VcpuRegisters>& boot = std::nullopt);
    // Sections "accelerator" and "vcpu0", "vcpu1", ...
    Result<void> save(StateWriter& writer);
    Result<void> restore(StateReader& reader);

private:
    enum class Request { Run, Pause, Stop };
    struct Thread {
        std::jthread thread;
        bool parked = true;   // outside the guest, last access completed
        bool waiting = false; // met an event; runs again only after resume()
        std::atomic<uint64_t> exits = 0;
    };
    // Why a vCPU thread came out of its loop.
    struct Outcome {
        bool waits = false; // until resume(); otherwise a request stopped it
        std::optional<VcpuEvent> event{};
    };
    void runThread(unsigned index);
    // Waits until this vCPU may run; false: the thread shall end.
    bool awaitPermission(unsigned index);
    void park(unsigned index, bool waits);
    Outcome runUntilRequest(Vcpu& vcpu, unsigned index);
    Outcome completeAccess(Vcpu& vcpu, unsigned index);
    Outcome outcomeOf(Vcpu& vcpu, unsigned index, const VcpuExit& exit, ExitAction action) const;
    void request(Request wanted);
    Result<void> requireQuiet() const;

    Accelerator& m_accelerator;
    PortBus& m_ports;
    MemoryMap& m_memory;
    Hooks m_hooks;
    State m_state = State::Stopped; // the control thread's
    // Written under the mutex, read by vCPU threads before every entry.
    std::atomic<Request> m_request = Request::Pause;
    std::atomic<uint64_t> m_firstEntryNs = 0;
    mutable Mutex m_mutex;
    std::condition_variable_any m_changed;
    std::vector<Thread> m_threads; // parked and waiting: guarded by m_mutex
};

} // namespace vivarium
