#include "vmm/disk/io/range_locks.h"

namespace vivarium {

namespace {

bool conflict(const RangeLocks::Entry& a, const RangeLocks::Entry& b) {
    return a.begin < b.end && b.begin < a.end &&
           (a.mode == RangeLocks::Mode::Exclusive || b.mode == RangeLocks::Mode::Exclusive);
}

} // namespace

RangeLocks::Awaiter RangeLocks::lock(uint64_t begin, uint64_t end, Mode mode) {
    const Place entry = m_entries.append({begin, end, mode, false, {}});
    if (mode == Mode::Exclusive)
        ++m_exclusive;
    entry->granted = m_exclusive == 0 || isFree(entry);
    if (!entry->granted)
        ++m_waiting;
    return Awaiter{*this, entry};
}

// No conflict with anything that came before it.
bool RangeLocks::isFree(Place entry) {
    for (auto it = m_entries.entries().begin(); it != entry; ++it)
        if (conflict(*it, *entry))
            return false;
    return true;
}

void RangeLocks::release(Place entry) {
    if (entry->mode == Mode::Exclusive)
        --m_exclusive;
    m_entries.remove(entry);
    if (m_waiting == 0)
        return;
    std::list<Entry>& entries = m_entries.entries();
    for (auto it = entries.begin(); it != entries.end(); ++it) {
        if (!it->granted && isFree(it)) {
            it->granted = true;
            --m_waiting;
            m_loop.resumeSoon(it->waiter);
        }
    }
}

} // namespace vivarium
