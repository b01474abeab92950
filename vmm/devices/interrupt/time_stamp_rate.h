#pragma once

#include <cstdint>

namespace vivarium {

// How many ticks the processors' time stamps count in guest time. The same for all of a machine.
struct TimeStampRate {
    static constexpr uint32_t kDefaultKhz = 1'000'000; // one tick a nanosecond
    // What a saved state may say: anything that a processor has, with room.
    static constexpr uint32_t kMinKhz = 1'000, kMaxKhz = 100'000'000;

    uint32_t khz = kDefaultKhz;

    uint64_t ticks(uint64_t ns) const { return khz == kDefaultKhz ? ns : scale(ns, khz, kNsKhz); }
    // Rounded up: what is due at a tick is not due before it.
    uint64_t ns(uint64_t ticks) const {
        return khz == kDefaultKhz ? ticks : scale(ticks, kNsKhz, khz) + 1;
    }

private:
    static constexpr uint64_t kNsKhz = 1'000'000;
    // Without the middle result's overflow: years at once.
    static uint64_t scale(uint64_t value, uint64_t by, uint64_t through) {
        return value / through * by + value % through * by / through;
    }
};

} // namespace vivarium
