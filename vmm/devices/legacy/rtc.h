#pragma once

#include "vmm/base/timer_queue.h"
#include "vmm/bus/device.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/port_bus.h"
#include "vmm/devices/legacy/cmos_memory.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace vivarium {

struct RtcConfig : CmosContents {
    int64_t offsetSeconds = 0; // added to UTC: local time for guests that expect it
};

// MC146818 real-time clock with 256 bytes of CMOS memory at ports 0x70-0x73, interrupts on GSI 8.
// The time is computed when it is read; a timer runs only while an interrupt is enabled and not
// yet pending. As on the real part, reset() keeps the calendar and the memory (they have a
// battery); powerCycle() is the fresh device. Device thread.
class Rtc final : public Device {
public:
    // Errors: InvalidArgument (a value outside its range), Busy (ports).
    static Result<std::unique_ptr<Rtc>> create(PortBus& ports, InterruptSink& interrupts,
                                               TimerQueue& timers, const RtcConfig& config);

    // Seconds that the guest's calendar is ahead of UTC, for keeping a clock that the guest has
    // set over a power-off.
    int64_t offsetSeconds() const { return m_state.offsetSeconds; }
    void powerCycle();

    std::string_view name() const override { return "rtc"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint8_t index = 0;         // port 0x70, without the NMI mask
        uint8_t extendedIndex = 0; // port 0x72
        uint8_t statusC = 0;       // interrupt flags
        // Time registers hold values only while the clock is stopped.
        std::array<uint8_t, 256> memory{};
        int64_t offsetSeconds = 0; // guest calendar minus UTC
        uint32_t phaseNs = 0;      // added to UTC, moves the second's edge; below 10^9
        int64_t lastSecond = 0;    // calendar second up to which UF and AF are settled
        uint64_t lastTick = 0;     // 32768 Hz tick of guest time up to which PF is settled
    };
    struct CalendarTime {
        int64_t second; // since 1970, guest calendar
        uint32_t nanosecond;
    };

    Rtc(InterruptSink& interrupts, TimerQueue& timers, const RtcConfig& config);
    uint8_t readPort(uint64_t offset);
    void writePort(uint64_t offset, uint8_t value);
    uint8_t readRegister(uint8_t index);
    void writeRegister(uint8_t index, uint8_t value);
    void writeStatusA(uint8_t value);
    void writeStatusB(uint8_t value);

    bool running() const;
    CalendarTime calendarTime() const;
    uint64_t tickNow() const;
    uint32_t periodTicks() const;
    void storeTime(int64_t second);
    int64_t loadTime() const;
    void startCalendar(int64_t second, uint32_t nanosecond);
    std::optional<int64_t> nextAlarm(int64_t after) const;
    uint8_t encode(uint32_t value) const;
    uint32_t decode(uint8_t value) const;
    uint32_t decodeHour(uint8_t value) const;

    void settleFlags();
    uint8_t flagsNow() const;
    Result<State> readState(StateReader& reader) const;
    void updateInterrupt();
    void timerExpired();

    const RtcConfig m_config;
    const Clock& m_clock;
    IrqLine m_interrupt;
    Timer m_timer;
    PortMapping m_mapping;
    State m_state;
};

} // namespace vivarium
