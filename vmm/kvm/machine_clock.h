#pragma once

#include "vmm/base/clock.h"

#include <atomic>
#include <cstdint>

namespace vivarium {

// Guest time of a running machine: CLOCK_MONOTONIC without the time that the machine was paused.
// Begins paused at 0. Reading is lock-free and for any thread; the rest is the machine's.
class MachineClock : public Clock {
public:
    uint64_t nowNs() const override;
    // The host's wall clock plus the guest's offset; it goes on while the machine is paused.
    int64_t wallClockNs() const override;

    bool paused() const { return m_frozenNs.load() != kRunning; }
    void pause();  // no effect when paused
    void resume(); // no effect when running
    // Sets guest time; only while paused (restoring a saved state).
    void setNowNs(uint64_t nowNs);
    void setWallClockOffsetNs(int64_t offsetNs) { m_wallClockOffsetNs = offsetNs; }
    // CLOCK_MONOTONIC at which guest time reaches `guestNs`, for an event loop's wake-up; 0 while
    // paused.
    uint64_t monotonicDeadlineNs(uint64_t guestNs) const;

private:
    static constexpr uint64_t kRunning = ~uint64_t{0};

    std::atomic<uint64_t> m_frozenNs = 0; // guest time while paused, kRunning otherwise
    std::atomic<uint64_t> m_originNs = 0; // CLOCK_MONOTONIC at guest time 0 while running
    std::atomic<int64_t> m_wallClockOffsetNs = 0;
};

} // namespace vivarium
