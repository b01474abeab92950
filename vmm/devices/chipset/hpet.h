#pragma once

#include "vmm/base/timer_queue.h"
#include "vmm/bus/device.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/memory_map.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace vivarium {

// High precision event timer (IA-PC HPET 1.0a) at 0xFED00000: a 64-bit counter of 100 MHz and three
// timers, each periodic and 64 bits wide. Device lock.
class Hpet final : public Device {
public:
    static constexpr GuestAddress kBase = 0xFED00000;
    static constexpr uint64_t kBlockBytes = 0x400;
    static constexpr uint32_t kPeriodFs = 10'000'000; // femtoseconds a tick
    static constexpr uint32_t kBlockId = 0x8086A201; // the low half of its capabilities: ACPI table

    // In legacy routing timers 0 and 1 replace the PIT (GSI 0) and the RTC (GSI 8).
    enum class LegacyRouting { Off, On };
    // Told on changes, and by reset and restore: the machine connects or disconnects the PIT.
    using RoutingChanged = std::function<void(LegacyRouting)>;

    static Result<std::unique_ptr<Hpet>> create(MemoryMap& memoryMap, InterruptSink& interrupts,
                                                TimerQueue& timers, RoutingChanged routingChanged);

    std::string_view name() const override { return "hpet"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    static constexpr unsigned kTimers = 3;
    struct TimerState {
        uint64_t config = 0;
        uint64_t comparator = ~uint64_t{0};
        uint64_t period = 0;
        bool pending = false;   // a match lies ahead
        uint64_t matchTick = 0; // tick of guest time at which it comes
    };
    struct State {
        uint64_t config = 0;
        uint64_t status = 0;
        uint64_t counter = 0; // halted: the value; running: value minus ticks of guest time
        std::array<TimerState, kTimers> timers{};
    };

    Hpet(InterruptSink& interrupts, TimerQueue& timers, RoutingChanged routingChanged);
    uint64_t readRegisters(uint64_t offset, unsigned sizeBytes);
    void writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t read(uint64_t reg) const;
    void write(uint64_t reg, uint64_t value, uint64_t mask);
    void writeConfig(uint64_t value);
    void writeTimer(unsigned index, uint64_t reg, uint64_t value, uint64_t mask);

    bool running() const;
    bool legacy() const;
    uint64_t ticksNow() const;
    uint64_t counterNow() const;
    uint64_t timerMask(unsigned index) const;
    bool periodic(unsigned index) const;
    std::optional<uint32_t> lineOf(unsigned index) const;
    void schedule(unsigned index);
    void rearm(unsigned index);
    void settle();
    uint64_t matchesByNow(unsigned index) const;
    void expired(unsigned index);
    void fire(unsigned index);
    void updateLines();
    void announceRouting();

    InterruptSink& m_interrupts;
    const Clock& m_clock;
    RoutingChanged m_routingChanged;
    std::array<std::unique_ptr<Timer>, kTimers> m_timers;
    uint32_t m_highLines = 0; // one bit a GSI, what the sink was told
    LegacyRouting m_announced = LegacyRouting::Off;
    MemoryMapping m_mapping;
    State m_state;
};

} // namespace vivarium
