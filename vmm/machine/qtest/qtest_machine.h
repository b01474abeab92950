#pragma once

#include "vmm/base/clock.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/timer_queue.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"
#include "vmm/control/machine_config.h"
#include "vmm/devices/storage/storage_listener.h"
#include "vmm/machine/board.h"
#include "vmm/machine/device_task_queue.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// Guest time that moves when told to.
class SteppedClock final : public Clock {
public:
    explicit SteppedClock(int64_t wallClockStartNs) : m_wallClockStartNs(wallClockStartNs) {}
    uint64_t nowNs() const override { return m_nowNs; }
    int64_t wallClockNs() const override {
        return m_wallClockStartNs + static_cast<int64_t>(m_nowNs);
    }
    void setNowNs(uint64_t nowNs) { m_nowNs = nowNs; }

private:
    int64_t m_wallClockStartNs;
    uint64_t m_nowNs = 0;
};

// The devices of a machine without processors: accesses, time and interrupts are a test's. Disk
// requests are complete when an access returns. There is no PIC, IOAPIC, local APIC and PIT, which
// the accelerator provides. One thread.
class QtestMachine final : private SystemControl, private StorageListener, private InterruptSink {
public:
    // A line that changed, in order.
    struct InterruptChange {
        uint32_t gsi;
        bool high;
    };
    struct MessageInterrupt {
        uint64_t address;
        uint32_t data;
    };

    // Errors as buildBoard.
    static Result<std::unique_ptr<QtestMachine>> create(const control::MachineConfig& config,
                                                        ConfigDescriptors descriptors);
    ~QtestMachine() override;

    void writePort(uint16_t port, unsigned sizeBytes, uint32_t value);
    uint32_t readPort(uint16_t port, unsigned sizeBytes);
    void writeMemory(GuestAddress address, ConstByteSpan bytes);
    void readMemory(GuestAddress address, ByteSpan bytes);

    uint64_t nowNs() const { return m_clock.nowNs(); }
    // Moves time to `targetNs` (never back), firing timers at their deadlines.
    void advanceTo(uint64_t targetNs);
    std::optional<uint64_t> nextDeadlineNs();

    // The changes since the last call.
    std::vector<InterruptChange> takeInterruptChanges();
    std::vector<MessageInterrupt> takeMessages();
    // Guest shut itself down, or wrote to the exit device: the value.
    bool poweredOff() const { return m_poweredOff; }
    std::optional<uint8_t> exitValue() const { return m_exitValue; }
    uint64_t resetCount() const { return m_resetCount; }

    Board& board() { return *m_board; } // with deviceLock() held
    DeviceLock& deviceLock() { return m_deviceLock; }
    const GuestMemory& memory() const { return m_memory; }

private:
    // Time steps that fire more timers than this go on at once to their end: a guest-chosen period
    // of nanoseconds must not turn one step into hours.
    static constexpr unsigned kMaxFiringsPerStep = 1'000'000;

    QtestMachine(GuestMemory memory, std::unique_ptr<EventLoop> loop);
    // Lets disks finish, runs what they post, carries out a requested reset.
    void settle();
    void resetDevices();

    void requestReset(ResetCause cause) override;
    void requestPowerOff() override { m_poweredOff = true; }
    void requestExit(unsigned char value) override { m_exitValue = value; }
    void diskFull(const std::string&, const std::string&) override {}
    void diskFailed(const std::string&, const std::string&) override {}
    void mediumEjected(const std::string& driveId) override;
    void setLine(uint32_t gsi, Level level) override;
    void sendMessage(uint64_t address, uint32_t data) override;

    std::unique_ptr<EventLoop> m_loop;
    DeviceLock m_deviceLock;
    GuestMemory m_memory;
    PortBus m_ports{m_deviceLock};
    MemoryMap m_memoryMap{m_deviceLock};
    std::vector<MemoryMapping> m_ramMappings;
    SteppedClock m_clock;
    TimerQueue m_timers{m_clock};
    DeviceTaskQueue m_tasks{*m_loop, m_deviceLock};
    std::unique_ptr<Board> m_board;

    Mutex m_interruptMutex;
    std::vector<bool> m_lineLevels GUARDED_BY(m_interruptMutex);
    std::vector<InterruptChange> m_changes GUARDED_BY(m_interruptMutex);
    std::vector<MessageInterrupt> m_messages GUARDED_BY(m_interruptMutex);
    bool m_resetRequested = false;
    bool m_poweredOff = false;
    std::optional<uint8_t> m_exitValue;
    uint64_t m_resetCount = 0;
};

} // namespace vivarium
