#pragma once

#include "vmm/base/clock.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace vivarium {

class TimerQueue;

// One deadline in guest time. Owned by a device; armed, cancelled and fired with the device lock
// held. Destroying an armed timer cancels it.
class Timer {
public:
    Timer(TimerQueue& queue, std::function<void()> expired);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // Fires once when the clock reaches `deadlineNs` (at once if it has passed); replaces an
    // earlier deadline.
    void arm(uint64_t deadlineNs);
    void cancel();
    bool armed() const { return m_deadlineNs.has_value(); }

private:
    friend class TimerQueue;
    TimerQueue& m_queue;
    std::function<void()> m_expired;
    std::optional<uint64_t> m_deadlineNs;
};

// The machine's pending timers. All calls with the device lock held. The owner (event loop or
// qtest) sleeps until `nextDeadlineNs` and calls `runExpired`.
class TimerQueue {
public:
    explicit TimerQueue(const Clock& clock) : m_clock(clock) {}

    const Clock& clock() const { return m_clock; }
    std::optional<uint64_t> nextDeadlineNs() const;
    // Fires what is due now, in order of deadline; a timer re-armed in the past by its own callback
    // waits for the next call, so one call is bounded by the number of timers.
    void runExpired();
    // `wake` is called whenever the earliest deadline may have changed.
    void setDeadlineChanged(std::function<void()> wake) { m_deadlineChanged = std::move(wake); }

private:
    friend class Timer;
    void deadlineChanged() {
        if (m_deadlineChanged)
            m_deadlineChanged();
    }

    const Clock& m_clock;
    std::vector<Timer*> m_timers; // all living timers; a machine has a few dozen
    std::function<void()> m_deadlineChanged;
};

} // namespace vivarium
