#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/base/timer_queue.h"
#include "vmm/bus/accelerator.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"
#include "vmm/control/machine_config.h"
#include "vmm/control/machine_state.h"
#include "vmm/devices/storage/storage_listener.h"
#include "vmm/kvm/kvm_vm.h"
#include "vmm/kvm/machine_clock.h"
#include "vmm/kvm/vcpu_set.h"
#include "vmm/machine/accelerator_choice.h"
#include "vmm/machine/board.h"
#include "vmm/machine/device_task_queue.h"
#include "vmm/machine/event_doorbells.h"
#include "vmm/memory/guest_memory.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// What a machine can go on from: its memory, and the rest as Machine::freeze() gave it (empty: the
// machine begins with a reset).
struct MachineCopy {
    GuestMemory memory;
    std::vector<uint8_t> state;
    // Of a copy of a running machine: reads as closed once the original writes no more to the disks
    // that both stand on.
    UniqueFd layersShared = {};
};

// One guest: memory, buses, board, vCPUs and their life. Lives on the event loop's thread, which
// calls everything here without the device lock; what vCPU threads and devices ask for
// (SystemControl, StorageListener) is noted and done on the loop's thread.
class Machine final : private SystemControl, private StorageListener {
public:
    using State = control::MachineState;
    using Reason = control::StopReason;

    // Told on the loop's thread, lock free.
    class Listener {
    public:
        virtual ~Listener() = default;
        virtual void stateChanged(State state, Reason reason, const std::string& detail) = 0;
        virtual void guestReset(ResetCause cause) = 0;
        virtual void mediumEjected(const std::string& driveId) = 0;
        // The guest has ended, its vCPUs are stopped. `exitValue`: the test exit device's byte, or
        // -1.
        virtual void ended(Reason reason, int exitValue, const std::string& detail) = 0;
    };

    // First thing on each new thread of that kind (sandbox filters). May be empty.
    struct ThreadHooks {
        std::function<void()> vcpu, disk, vnc;
    };

    // Builds everything and waits in PoweredOff. `host` is borrowed. Without `copy` the machine
    // begins as config.restore says. Errors as buildBoard, and those of the accelerator and of the
    // saved state.
    static Result<std::unique_ptr<Machine>>
    create(const control::MachineConfig& config, ConfigDescriptors descriptors,
           AcceleratorHost& host, AcceleratorDecision::Kind kind, EventLoop& loop,
           Listener& listener, ThreadHooks hooks, std::optional<MachineCopy> copy = {});
    ~Machine() override;

    State state() const { return m_state; }
    Reason reason() const { return m_reason; }
    const std::string& detail() const { return m_detail; }
    std::string_view acceleratorName() const { return m_accelerator->name(); }
    uint64_t uptimeMs() const { return m_clock.nowNs() / 1'000'000; }
    uint64_t firstEntryNs() const { return m_vcpus->firstEntryNs(); }
    uint64_t exitCount() const { return m_vcpus->exitCount(); }

    // Goes on from the saved state if there is one. Errors: WrongState, the host's, the saved
    // state's (Corrupt, Unsupported, naming the section).
    enum class FirstState { Running, Paused };
    Result<void> start(FirstState first);
    void pause();          // no effect while paused
    Result<void> resume(); // WrongState after an internal error: reset first
    Result<void> resetByUser();
    // Error WrongState: nothing in the guest listens; a guest that begins to will still see it.
    Result<void> pressPowerButton();
    void powerOff();
    // Ends with StopReason::Saved: what freeze() gave is on the disk.
    void endSaved();

    // The board, with the device lock held for as long as the access lives.
    class BoardAccess {
    public:
        explicit BoardAccess(Machine& machine) : m_machine(machine) {
            m_machine.m_deviceLock.lock();
        }
        ~BoardAccess() { m_machine.m_deviceLock.unlock(); }
        BoardAccess(const BoardAccess&) = delete;
        BoardAccess& operator=(const BoardAccess&) = delete;
        Board* operator->() const { return m_machine.m_board.get(); }
        Board& operator*() const { return *m_machine.m_board; }

    private:
        Machine& m_machine;
    };
    BoardAccess board() { return BoardAccess(*this); }
    // For Board::openDrive(), which needs no lock.
    const Board& driveOpener() const { return *m_board; }
    DeviceLock& deviceLock() { return m_deviceLock; }
    TimerQueue& timers() { return m_timers; }

    // Stops the guest between two instructions with no disk request under way, without telling
    // anybody, and gives its state: everything but memory() and the disks. Until thaw() nothing
    // changes. Errors: WrongState (not running or paused, or it cannot go on), Busy (it is just
    // being reset or switched off); the guest goes on then.
    Result<std::vector<uint8_t>> freeze();
    void thaw();
    const GuestMemory& memory() const { return m_memory; }
    // For a copy of this process, in which this machine does nothing any more.
    GuestMemory takeMemory() { return std::move(m_memory); }

private:
    Machine(GuestMemory memory, EventLoop& loop, Listener& listener);
    // What config.restore names, or empty memory.
    static Result<MachineCopy> loadOrigin(const control::MachineConfig& config,
                                          ConfigDescriptors& descriptors);
    // Both before the board.
    Result<KvmVm*> makeKvm(AcceleratorHost& host, const CpuTopology& topology);
    Result<void> makeSoftware(AcceleratorHost& host, const CpuTopology& topology);
    Result<void> resetDevices();
    Result<std::vector<uint8_t>> saveAll();
    Result<void> restoreAll(ConstByteSpan bytes);
    bool changesSoon();
    void resumeDevices();
    void handleRequests();
    void handleVcpuEvent(const VcpuEvent& event);
    void stopVcpus();
    void letRun();
    void pauseBecause(Reason reason, std::string detail);
    void setState(State state, Reason reason, std::string detail);
    void end(Reason reason, int exitValue, std::string detail);
    void resetGuest(ResetCause cause);
    void timersDue();
    void armWakeUp();
    void settleIo();

    // SystemControl and StorageListener: any thread, often with the device lock held.
    void requestReset(ResetCause cause) override;
    void requestPowerOff() override;
    void requestExit(unsigned char value) override;
    void diskFull(const std::string& driveId, const std::string& detail) override;
    void diskFailed(const std::string& driveId, const std::string& detail) override;
    void mediumEjected(const std::string& driveId) override;
    void noteRequest(std::function<void()> note);

    // What is wanted of the machine, noted by any thread, done by the loop's.
    struct Requests {
        std::optional<ResetCause> reset;
        bool powerOff = false;
        std::optional<unsigned char> exitValue;
        std::optional<std::pair<Reason, std::string>> pause;
        std::vector<std::string> ejectedDrives;
    };

    EventLoop& m_loop;
    Listener& m_listener;
    State m_state = State::PoweredOff;
    Reason m_reason = Reason::None;
    std::string m_detail;
    bool m_stopOnTripleFault = false;
    bool m_frozen = false;
    std::vector<uint8_t> m_restored; // the state that start() goes on from

    // In order of construction; the board's threads end before what they use.
    DeviceLock m_deviceLock;
    GuestMemory m_memory;
    PortBus m_ports{m_deviceLock};
    MemoryMap m_memoryMap{m_deviceLock};
    std::vector<MemoryMapping> m_ramMappings;
    MachineClock m_clock;
    TimerQueue m_timers{m_clock};
    DeviceTaskQueue m_tasks{m_loop, m_deviceLock};
    std::unique_ptr<Accelerator> m_accelerator;
    std::optional<EventDoorbells> m_doorbells; // where the accelerator has host events
    std::unique_ptr<Board> m_board;
    std::unique_ptr<VcpuSet> m_vcpus;

    Mutex m_requestMutex;
    Requests m_requests GUARDED_BY(m_requestMutex);
    // Posted callbacks outlive nobody: they look here first.
    std::shared_ptr<bool> m_alive = std::make_shared<bool>(true);
};

// Name of a cause on the wire: "user", "acpi", "port-cf9", "port-92", "keyboard-controller",
// "triple-fault".
const char* resetCauseName(ResetCause cause);

} // namespace vivarium
