#include "vmm/kvm/machine_clock.h"

#include <ctime>

namespace vivarium {

namespace {
uint64_t readClockNs(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}
} // namespace

uint64_t MachineClock::nowNs() const {
    // The origin belongs to one stretch of running; a pause and resume in between gives another.
    for (;;) {
        uint64_t frozenNs = m_frozenNs.load();
        if (frozenNs != kRunning)
            return frozenNs;
        uint64_t originNs = m_originNs.load();
        uint64_t guestNs = readClockNs(CLOCK_MONOTONIC) - originNs;
        if (m_frozenNs.load() == kRunning && m_originNs.load() == originNs)
            return guestNs;
    }
}

int64_t MachineClock::wallClockNs() const {
    return static_cast<int64_t>(readClockNs(CLOCK_REALTIME)) + m_wallClockOffsetNs.load();
}

void MachineClock::pause() {
    if (!paused())
        m_frozenNs.store(nowNs());
}

void MachineClock::resume() {
    if (!paused())
        return;
    m_originNs.store(readClockNs(CLOCK_MONOTONIC) - m_frozenNs.load());
    m_frozenNs.store(kRunning);
}

void MachineClock::setNowNs(uint64_t nowNs) {
    if (paused() && nowNs != kRunning)
        m_frozenNs.store(nowNs);
}

uint64_t MachineClock::monotonicDeadlineNs(uint64_t guestNs) const {
    if (paused())
        return 0;
    uint64_t originNs = m_originNs.load();
    return guestNs > ~uint64_t{0} - originNs ? ~uint64_t{0} : guestNs + originNs;
}

} // namespace vivarium
