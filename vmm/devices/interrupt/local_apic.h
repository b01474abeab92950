#pragma once

#include "vmm/devices/interrupt/interrupt_message.h"

#include <array>
#include <cstdint>
#include <optional>

namespace vivarium {

// One processor's local APIC and x2APIC (Intel SDM 3A, chapter 11). Its timer ticks once a
// nanosecond of guest time, as KVM's does; the TSC deadline counts in the time stamp that the
// processor's owner tells. Owner: InterruptChips, whose mutex guards it; calls nobody: what a write
// asks of others comes back as Effect.
class LocalApic {
public:
    static constexpr uint64_t kDefaultBase = 0xFEE00000;
    static constexpr uint64_t kPageBytes = 4096;
    // IA32_APIC_BASE (11.4.4).
    static constexpr uint64_t kBaseBsp = 1 << 8, kBaseX2 = 1 << 10, kBaseEnabled = 1 << 11;

    // Ticks that a periodic timer may owe its guest: a second's worth at the rates that systems
    // choose; what is older helps nobody.
    static constexpr uint32_t kMaxOwedTicks = 1000;

    struct State {
        // The registers as the page at the base address shows them, 16 bytes apart.
        std::array<uint32_t, 64> registers{};
        uint64_t base = kDefaultBase | kBaseEnabled;
        uint64_t tscDeadline = 0;
        uint64_t timerStartNs = 0; // when the present countdown began; 0: it stands still
        uint32_t owedTicks = 0;    // of the periodic timer: missed, or merged with one before
        uint32_t errors = 0;       // since the error status was last written
        bool nmiPending = false, initPending = false, smiPending = false;
        bool extIntPending = false; // by message; LINT0 is the 8259's wire
        std::optional<uint8_t> startUpVector;
        bool operator==(const State&) const = default;
    };

    // What a write asks of the outside.
    struct Effect {
        std::optional<InterruptMessage> send{}; // from the ICR
        enum class Shorthand { None, Self, All, Others } shorthand = Shorthand::None;
        std::optional<uint8_t> endOfInterrupt{}; // to the IOAPIC
        bool timerChanged = false;
        bool refused = false; // an MSR access that is a general-protection fault
    };

    enum class Role { Bootstrap, Application };
    LocalApic(uint32_t id, Role role);

    const State& state() const { return m_state; }
    void setState(const State& state); // any values
    uint32_t id() const { return m_id; }
    void reset(); // power-on
    void init();  // by INIT: like reset, but base and identity stay (11.4.7.3)

    bool enabled() const { return m_state.base & kBaseEnabled; }
    bool x2() const { return m_state.base & kBaseX2; }
    // Writes IA32_APIC_BASE; false: a general-protection fault (11.12.5).
    bool setBase(uint64_t base);

    // --- Registers. `nowNs` is guest time, `tsc` the processor's time stamp then. ---
    uint32_t readRegister(uint64_t offset, uint64_t nowNs) const;
    Effect writeRegister(uint64_t offset, uint32_t value, uint64_t nowNs);
    // MSRs 0x800..0x8FF; nullopt: a general-protection fault.
    std::optional<uint64_t> readMsr(uint32_t msr, uint64_t nowNs) const;
    Effect writeMsr(uint32_t msr, uint64_t value, uint64_t nowNs);
    uint64_t tscDeadline() const { return m_state.tscDeadline; }
    void setTscDeadline(uint64_t value);
    uint8_t taskPriority() const { return static_cast<uint8_t>(reg(0x80)); }
    void setTaskPriority(uint8_t value);

    // --- Interrupts ---
    bool accepts(uint32_t destination, bool logical, bool wide) const;
    bool softwareEnabled() const;
    // Takes a message that is meant for it. Whether it did.
    bool deliver(const InterruptMessage& message);
    uint8_t processorPriority() const;
    // The vector that would interrupt now, by priority; nullopt: none.
    std::optional<uint8_t> pendingVector() const;
    // Whether the 8259's output at LINT0 reaches the processor.
    bool passesExtInt() const;
    // Whether this vector is requested and not yet in service.
    bool requests(uint8_t vector) const {
        return reg(0x200 + (uint64_t{vector} / 32 << 4)) >> vector % 32 & 1;
    }
    bool extIntPending() const { return m_state.extIntPending; }
    void clearExtInt() { m_state.extIntPending = false; }
    // A rising edge at LINT0 that is not an ExtINT.
    void localInterrupt0();
    // Moves the pending vector into service.
    void acknowledge(uint8_t vector);
    bool takeNmi();
    bool takeInit();
    bool takeSmi();
    std::optional<uint8_t> takeStartUp();
    bool hasEvents() const; // anything but a maskable interrupt

    // --- Timer ---
    enum class TimerMode { OneShot, Periodic, TscDeadline };
    TimerMode timerMode() const;
    // Guest time at which it next expires; nullopt: it does not. Not for TSC deadlines.
    std::optional<uint64_t> countdownEndNs() const;
    // The countdown or the deadline is over.
    void timerExpired(uint64_t nowNs);

private:
    uint32_t reg(uint64_t offset) const { return m_state.registers[offset >> 4]; }
    uint32_t& reg(uint64_t offset) { return m_state.registers[offset >> 4]; }
    void setDefaults();
    bool x2Accepts(uint32_t destination, bool logical) const;
    void applyBaseMode();
    void raise(uint64_t lvtOffset);
    void accept(uint8_t vector, bool level);
    std::optional<uint8_t> highestBit(uint64_t offset) const;
    void setError(uint32_t bit);
    void maskAllIfDisabled();
    uint64_t timerPeriodNs() const;
    uint32_t currentCount(uint64_t nowNs) const;
    Effect sendFromIcr(uint32_t low, uint32_t high);
    void endOfInterrupt(Effect& effect);
    void writeTimerLvt(uint32_t value, Effect& effect);

    const uint32_t m_id;
    const Role m_role;
    State m_state;
};

} // namespace vivarium
