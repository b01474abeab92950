#pragma once

#include "vmm/base/result.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/base/timer_queue.h"
#include "vmm/bus/device_lock.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/devices/interrupt/io_apic.h"
#include "vmm/devices/interrupt/local_apic.h"
#include "vmm/devices/interrupt/pic_pair.h"
#include "vmm/devices/interrupt/pit.h"
#include "vmm/devices/interrupt/time_stamp_rate.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium {

// The interrupt controllers of a PC and its interval timer, for accelerators that bring none: two
// 8259A, an IOAPIC, a local APIC for each processor, an 8254. Wired as vmm/kvm/README.md says.
//
// Threads: one mutex of its own, a leaf below the device lock, guards controllers and APICs; the
// PIT is a device under the device lock. Devices raise lines from any thread. Processors call the
// functions that name them from their own thread, without the device lock.
class InterruptChips final : public InterruptSink {
public:
    struct Services {
        DeviceLock& deviceLock;
        PortBus& ports;
        MemoryMap& memoryMap;
        TimerQueue& timers;
    };
    // `wake(cpu)` says that this processor has something to look at; any thread, with the mutex
    // held: it may set a flag and wake a thread. APIC ids in the order of the processors. Errors:
    // those of mapping the registers.
    static Result<std::unique_ptr<InterruptChips>> create(const Services& services,
                                                          const std::vector<uint32_t>& apicIds,
                                                          std::function<void(unsigned)> wake);
    ~InterruptChips() override;

    // --- Devices: any thread ---
    void setLine(uint32_t gsi, Level level) override;
    void sendMessage(uint64_t address, uint32_t data) override;

    // --- A processor's own thread ---
    // Offsets within the APIC's page; 32-bit registers, 16 bytes apart.
    uint32_t readApic(unsigned cpu, uint64_t offset);
    void writeApic(unsigned cpu, uint64_t offset, uint32_t value);
    // MSRs 0x800..0x8FF; nullopt and false: a general-protection fault.
    std::optional<uint64_t> readApicMsr(unsigned cpu, uint32_t msr);
    bool writeApicMsr(unsigned cpu, uint32_t msr, uint64_t value);
    bool setApicBase(unsigned cpu, uint64_t base);
    uint64_t tscDeadline(unsigned cpu);
    // `tscOffset`: the processor's time stamp minus the ticks of guest time.
    void setTscDeadline(unsigned cpu, uint64_t deadline, uint64_t tscOffset);
    uint8_t taskPriority(unsigned cpu); // TPR
    void setTaskPriority(unsigned cpu, uint8_t value);

    // What waits for the processor besides maskable interrupts; each is told once.
    struct Events {
        bool init = false, nmi = false;
        std::optional<uint8_t> startUpVector{};
        bool any() const { return init || nmi || startUpVector; }
    };
    Events takeEvents(unsigned cpu);
    void returnNmi(unsigned cpu); // it could not be delivered yet
    bool hasEvents(unsigned cpu);
    bool interruptPending(unsigned cpu);
    // Acknowledges: the vector to deliver now; nullopt: none after all.
    std::optional<uint8_t> acknowledge(unsigned cpu);
    void initApic(unsigned cpu); // the processor carries out an INIT

    // --- State; processors outside run() ---
    struct ChipStates {
        PicPair::State pics;
        IoApic::State ioApic;
        Pit::State pit;
        uint32_t owedTicks = 0; // of the system timer: raised, but merged with one before
    };
    ChipStates states();
    void setStates(const ChipStates& states);
    LocalApic::State apicState(unsigned cpu);
    void setApicState(unsigned cpu, const LocalApic::State& state, uint64_t tscOffset);
    uint64_t nowNs() const { return m_timers.clock().nowNs(); }
    const Clock& clock() const { return m_timers.clock(); }
    // How fast the processors' time stamps count; set while they are outside run().
    TimeStampRate timeStampRate() const { return {m_tscKhz.load(std::memory_order_relaxed)}; }
    void setTimeStampRate(TimeStampRate rate) { m_tscKhz.store(rate.khz); }
    // The processor with this APIC id; nullopt: none has it.
    std::optional<unsigned> cpuWithApicId(uint32_t apicId) const;
    uint32_t apicId(unsigned cpu) const { return m_cpus[cpu]->apic.id(); }

    void reset(); // all but the local APICs
    void resetApic(unsigned cpu);
    void connectPit(bool connected); // with the device lock held
    // Fires what is due of the machine's timers, should their thread be late: a processor that
    // reads the time finds what happened before. Its own thread, without the device lock.
    void runDueTimers();
    // Timers follow the state again, after it was set or the clock stood still.
    void armTimers() REQUIRES(m_deviceLock);

private:
    struct Cpu {
        Cpu(InterruptChips& chips, unsigned index, uint32_t apicId);
        LocalApic apic;
        uint64_t tscOffset = 0;
        Timer timer;
    };
    InterruptChips(const Services& services, const std::vector<uint32_t>& apicIds,
                   std::function<void(unsigned)> wake);
    Result<void> mapRegisters();

    bool deliverLocked(const InterruptMessage& message) REQUIRES(m_mutex);
    bool deliverTo(unsigned cpu, const InterruptMessage& message) REQUIRES(m_mutex);
    void applyLocked(unsigned cpu, const LocalApic::Effect& effect) REQUIRES(m_mutex);
    bool pendingLocked(unsigned cpu) const REQUIRES(m_mutex);
    void picChangedLocked(bool before) REQUIRES(m_mutex);
    void setLineLocked(uint32_t gsi, bool high) REQUIRES(m_mutex);
    bool tickWaitsLocked() const REQUIRES(m_mutex);
    void tickTakenLocked() REQUIRES(m_mutex);
    std::optional<uint64_t> deadlineNsLocked(const Cpu& cpu, uint64_t now) const REQUIRES(m_mutex);
    void armTimer(unsigned cpu); // takes the device lock
    void armTimerLocked(unsigned cpu) REQUIRES(m_deviceLock);
    void timerExpired(unsigned cpu) REQUIRES(m_deviceLock);

    // Register handlers, with the device lock held.
    uint8_t readPic0(uint64_t offset) { return readPic(0, offset); }
    uint8_t readPic1(uint64_t offset) { return readPic(1, offset); }
    void writePic0(uint64_t offset, uint8_t value) { writePic(0, offset, value); }
    void writePic1(uint64_t offset, uint8_t value) { writePic(1, offset, value); }
    uint8_t readPic(unsigned chip, uint64_t offset);
    void writePic(unsigned chip, uint64_t offset, uint8_t value);
    uint8_t readElcr(uint64_t offset);
    void writeElcr(uint64_t offset, uint8_t value);
    uint8_t readPit(uint64_t offset) { return m_pit.read(offset); }
    void writePit(uint64_t offset, uint8_t value) { m_pit.write(offset, value); }
    uint8_t readSpeaker(uint64_t) { return m_pit.readSpeaker(); }
    void writeSpeaker(uint64_t, uint8_t value) { m_pit.writeSpeaker(value); }
    uint64_t readIoApic(uint64_t offset, unsigned sizeBytes);
    void writeIoApic(uint64_t offset, unsigned sizeBytes, uint64_t value);

    DeviceLock& m_deviceLock;
    PortBus& m_ports;
    MemoryMap& m_memoryMap;
    TimerQueue& m_timers;
    const std::function<void(unsigned)> m_wake;

    Mutex m_mutex; // guards m_pics, m_ioApic and the APICs (not their timers)
    PicPair m_pics GUARDED_BY(m_mutex);
    IoApic m_ioApic GUARDED_BY(m_mutex);
    bool m_timerLine GUARDED_BY(m_mutex) = false; // as the timer drives it
    uint32_t m_owedTicks GUARDED_BY(m_mutex) = 0; // ChipStates
    std::vector<std::unique_ptr<Cpu>> m_cpus;
    std::atomic<uint32_t> m_tscKhz = TimeStampRate::kDefaultKhz;
    Pit m_pit; // device lock, or everybody quiet
    std::vector<PortMapping> m_portMappings;
    MemoryMapping m_ioApicMapping;
};

} // namespace vivarium
