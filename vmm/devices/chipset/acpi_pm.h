#pragma once

#include "vmm/base/timer_queue.h"
#include "vmm/bus/device.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace vivarium {

// ACPI power management of the ICH9 (its I/O block at PMBASE and the APM ports 0xB2/0xB3): PM
// timer, fixed events, general-purpose events, sleep control. SCI on GSI 9, level. Sleep type 0
// (what stock firmware writes) and 7 (the data sheet's S5) power the machine off. There is no SMM.
// The LPC bridge places the block. Device lock; the PM timer is read without it.
class AcpiPm final : public Device {
public:
    static constexpr uint16_t kBlockBytes = 0x80;
    static constexpr uint8_t kEnableCommand = 0x02;  // to port 0xB2: FADT.ACPI_ENABLE
    static constexpr uint8_t kDisableCommand = 0x03; // FADT.ACPI_DISABLE

    // Errors: Busy (ports 0xB2, 0xB3).
    static Result<std::unique_ptr<AcpiPm>> create(PortBus& ports, InterruptSink& interrupts,
                                                  TimerQueue& timers, SystemControl& system);

    // The user pressed the power button: a guest that listens gets an SCI. False when no guest has
    // enabled the event (nobody would react).
    bool powerButtonPressed();

    // Where the block is decoded; the LPC bridge calls it. Ports that are taken stay undecoded.
    void setBase(std::optional<uint16_t> base);

    // Sets or clears general-purpose event `index` (0..63): hot-plug and the like.
    void setGeneralEvent(unsigned index, bool active);

    std::string_view name() const override { return "acpi-pm"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint16_t eventStatus = 0;
        uint16_t eventEnable = 0;
        uint16_t control = 0;
        uint64_t generalStatus = 0;
        uint64_t generalEnable = 0;
        uint32_t smiEnable = 0;
        uint16_t generalControl = 0;
        uint8_t apmCommand = 0;
        uint8_t apmStatus = 0;
        uint64_t timerHalves = 0; // turns of the PM timer's top bit that are settled in eventStatus
    };

    AcpiPm(InterruptSink& interrupts, TimerQueue& timers, SystemControl& system, PortBus& ports);
    State freshState() const;
    uint64_t readTimer(uint64_t offset, unsigned sizeBytes);
    void ignoreTimerWrite(uint64_t, unsigned, uint64_t) {}
    uint8_t readLow(uint64_t offset) { return readRegister(offset); }
    void writeLow(uint64_t offset, uint8_t value) { writeRegister(offset, value); }
    uint8_t readHigh(uint64_t offset);
    void writeHigh(uint64_t offset, uint8_t value);
    uint8_t readRegister(uint64_t offset);
    void writeRegister(uint64_t offset, uint8_t value);
    uint8_t readApm(uint64_t offset);
    void writeApm(uint64_t offset, uint8_t value);
    void sleep();
    uint64_t ticksNow() const;
    void settleTimer();
    void update();

    PortBus& m_ports;
    SystemControl& m_system;
    const Clock& m_clock;
    IrqLine m_sci;
    Timer m_overflow;
    PortMapping m_apmPorts;
    PortMapping m_lowPorts, m_timerPorts, m_highPorts;
    std::optional<uint16_t> m_base;
    State m_state;
};

} // namespace vivarium
