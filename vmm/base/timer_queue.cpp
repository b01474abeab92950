#include "vmm/base/timer_queue.h"

#include <algorithm>

namespace vivarium {

Timer::Timer(TimerQueue& queue, std::function<void()> expired)
    : m_queue(queue), m_expired(std::move(expired)) {
    m_queue.m_timers.push_back(this);
}

Timer::~Timer() {
    std::erase(m_queue.m_timers, this);
}

void Timer::arm(uint64_t deadlineNs) {
    auto before = m_queue.nextDeadlineNs();
    m_deadlineNs = deadlineNs;
    if (before != m_queue.nextDeadlineNs())
        m_queue.deadlineChanged();
}

void Timer::cancel() {
    // The owner may wake once for nothing; that is cheaper than telling it.
    m_deadlineNs.reset();
}

std::optional<uint64_t> TimerQueue::nextDeadlineNs() const {
    std::optional<uint64_t> next;
    for (const Timer* timer : m_timers)
        if (timer->m_deadlineNs && (!next || *timer->m_deadlineNs < *next))
            next = timer->m_deadlineNs;
    return next;
}

void TimerQueue::runExpired() {
    uint64_t nowNs = m_clock.nowNs();
    std::vector<Timer*> due;
    for (Timer* timer : m_timers)
        if (timer->m_deadlineNs && *timer->m_deadlineNs <= nowNs)
            due.push_back(timer);
    // Stable, so that a saved machine and its copy fire timers of one deadline in one order.
    std::stable_sort(due.begin(), due.end(), [](const Timer* a, const Timer* b) {
        return *a->m_deadlineNs < *b->m_deadlineNs;
    });
    for (Timer* timer : due) {
        // An earlier callback may have cancelled or re-armed this one.
        if (std::find(m_timers.begin(), m_timers.end(), timer) == m_timers.end() ||
            !timer->m_deadlineNs || *timer->m_deadlineNs > nowNs)
            continue;
        timer->m_deadlineNs.reset();
        auto expired = timer->m_expired; // the callback may destroy the timer
        expired();
    }
}

} // namespace vivarium
