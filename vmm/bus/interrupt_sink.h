#pragma once

#include <cstdint>

namespace vivarium {

// The interrupt controllers as devices see them (KVM's, the software CPU's, qtest's recorder).
// Global system interrupts: 0..15 are the ISA lines (PIC and IOAPIC), 16..23 IOAPIC only. A leaf:
// never calls back into a device, so it may be called with the device lock held.
class InterruptSink {
public:
    virtual ~InterruptSink() = default;
    enum class Level { Low, High };
    virtual void setLine(uint32_t gsi, Level level) = 0;
    // A message-signalled interrupt: the 32-bit `data` written to `address` (0xFEE.....).
    virtual void sendMessage(uint64_t address, uint32_t data) = 0;
};

// One device's wire to a global system interrupt; remembers its level, tells changes only.
class IrqLine {
public:
    IrqLine(InterruptSink& sink, uint32_t gsi) : m_sink(sink), m_gsi(gsi) {}
    void set(bool high) {
        if (high == m_high)
            return;
        m_high = high;
        m_sink.setLine(m_gsi, high ? InterruptSink::Level::High : InterruptSink::Level::Low);
    }
    // An edge: low-high-low of an edge-triggered line.
    void pulse() {
        set(true);
        set(false);
    }
    bool high() const { return m_high; }

private:
    InterruptSink& m_sink;
    uint32_t m_gsi;
    bool m_high = false;
};

} // namespace vivarium
