#pragma once

#include <cstdint>

namespace vivarium {

// The only source of time for devices. Virtual time stands still while the machine is paused, so
// timers do not fire in a burst when it resumes; qtest steps it by hand.
class Clock {
public:
    virtual ~Clock() = default;
    // Nanoseconds of guest time since the machine was built. Any thread, monotonic.
    virtual uint64_t nowNs() const = 0;
    // Wall-clock seconds since 1970-01-01 UTC plus nanoseconds, for the RTC.
    virtual int64_t wallClockNs() const = 0;
};

} // namespace vivarium
