#pragma once

#include "vmm/base/timer_queue.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace vivarium {

// Intel 8254 interval timer, whose channel 0 is the system timer, with the speaker port 0x61 that
// gates channel 2 (ICH9 datasheet, 13.7.1). Counters are computed from guest time when somebody
// looks; only channel 0 has a timer, for the rising edges of its output. Device lock.
class Pit {
public:
    static constexpr unsigned kChannels = 3;
    static constexpr uint64_t kHz = 1'193'182;

    struct Channel {
        uint32_t count = 65536; // 1..65536, in BCD mode 1..10000
        uint16_t latchedCount = 0;
        uint8_t latchStep = 0; // bytes of the latched count that are still to be read: as `access`
        bool statusLatched = false;
        uint8_t status = 0;
        uint8_t readStep = 0;  // 0, or 1 when the high byte of a word comes next
        uint8_t writeStep = 0; // likewise
        uint8_t writeLatch = 0;
        uint8_t access = 3; // 1 low, 2 high, 3 both
        uint8_t mode = 0;   // 0..5
        bool bcd = false;
        bool gate = true;
        uint64_t loadTimeNs = 0; // when counting began
        uint64_t heldTicks = 0;  // counted when the gate went low in mode 0 or 4
        bool operator==(const Channel&) const = default;
    };
    struct State {
        std::array<Channel, kChannels> channels{};
        bool speaker = false;      // port 0x61, bit 1
        bool disconnected = false; // channel 0's output, while the HPET replaces it
        bool operator==(const State&) const = default;
    };

    // `setLine`: channel 0's output as interrupt 0.
    Pit(TimerQueue& timers, std::function<void(bool high)> setLine);

    const State& state() const { return m_state; }
    void setState(const State& state); // any values; arms nothing
    void reset();
    // After a state was set, and when the clock goes on.
    void arm();
    // Whether channel 0 drives interrupt 0.
    void connect(bool connected);

    uint8_t read(uint64_t offset);              // ports 0x40..0x43
    void write(uint64_t offset, uint8_t value); // likewise
    uint8_t readSpeaker() const;                // port 0x61
    void writeSpeaker(uint8_t value);

private:
    uint64_t nowNs() const { return m_timers.clock().nowNs(); }
    uint64_t elapsedTicks(const Channel& channel) const;
    uint16_t currentCount(const Channel& channel) const;
    bool output(const Channel& channel) const;
    void load(unsigned index, uint32_t value);
    void setGate(unsigned index, bool gate);
    void latchCount(Channel& channel) const;
    void writeControl(uint8_t value);
    void writeCount(unsigned index, uint8_t value);
    uint8_t readCount(Channel& channel) const;
    std::optional<uint64_t> nextRiseNs() const;
    uint64_t risesSinceDue() const;
    void armRise();
    void risen();

    TimerQueue& m_timers;
    std::function<void(bool)> m_setLine;
    Timer m_rise;
    uint64_t m_riseNs = 0; // when it is due
    State m_state;
};

} // namespace vivarium
