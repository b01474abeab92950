#pragma once

#include "vmm/devices/interrupt/interrupt_message.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace vivarium {

// Intel 82093AA I/O advanced programmable interrupt controller with 24 inputs. Owner:
// InterruptChips, whose mutex guards it; delivers through the function it is given.
class IoApic {
public:
    static constexpr unsigned kPins = 24;
    static constexpr uint64_t kDefaultBase = 0xFEC00000;
    static constexpr uint64_t kMaskedEntry = 1 << 16;

    struct State {
        uint32_t selected = 0; // IOREGSEL
        uint32_t id = 0;       // as in the register, bits 24-27
        uint32_t lines = 0;    // inputs that are active
        std::array<uint64_t, kPins> entries{};
        bool operator==(const State&) const = default;
    };

    // `deliver`: whether an APIC took the message.
    explicit IoApic(std::function<bool(const InterruptMessage&)> deliver);

    const State& state() const { return m_state; }
    void setState(const State& state); // any values; delivers nothing
    void reset();

    void setLine(unsigned pin, bool high);
    // The vector that an edge at this input raises; nullopt: it is masked, or not such an input.
    std::optional<uint8_t> edgeVector(unsigned pin) const;
    // An end of interrupt that the APICs broadcast (82093AA, 3.2.4 "Remote IRR").
    void endOfInterrupt(uint8_t vector);

    // Offsets within its page: 0x00 IOREGSEL, 0x10 IOWIN.
    uint32_t read(uint64_t offset) const;
    void write(uint64_t offset, uint32_t value);

private:
    uint32_t readRegister() const;
    void writeRegister(uint32_t value);
    void service(unsigned pin);

    std::function<bool(const InterruptMessage&)> m_deliver;
    State m_state;
};

} // namespace vivarium
