#include "vmm/disk/io/range_locks.h"

#include <iterator>

namespace vivarium {

namespace {

bool conflict(const RangeLocks::Entry& a, const RangeLocks::Entry& b) {
    return a.begin < b.end && b.begin < a.end &&
           (a.mode == RangeLocks::Mode::Exclusive || b.mode == RangeLocks::Mode::Exclusive);
}

} // namespace

RangeLocks::Awaiter RangeLocks::lock(uint64_t begin, uint64_t end, Mode mode) {
    m_entries.push_back({begin, end, mode, false, {}});
    auto entry = std::prev(m_entries.end());
    entry->granted = isFree(entry);
    return Awaiter{*this, entry};
}

// No conflict with anything that came before it.
bool RangeLocks::isFree(std::list<Entry>::const_iterator entry) const {
    for (auto it = m_entries.begin(); it != entry; ++it)
        if (conflict(*it, *entry))
            return false;
    return true;
}

// True when somebody waits behind `entry`.
bool RangeLocks::hasWaiters(std::list<Entry>::const_iterator entry) const {
    for (auto it = entry; it != m_entries.end(); ++it)
        if (!it->granted)
            return true;
    return false;
}

void RangeLocks::release(std::list<Entry>::iterator entry) {
    const bool waiters = hasWaiters(entry);
    m_entries.erase(entry);
    if (!waiters)
        return;
    for (auto it = m_entries.begin(); it != m_entries.end(); ++it) {
        if (!it->granted && isFree(it)) {
            it->granted = true;
            m_loop.resumeSoon(it->waiter);
        }
    }
}

} // namespace vivarium
