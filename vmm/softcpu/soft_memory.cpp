#include "vmm/softcpu/soft_memory.h"

namespace vivarium {

void SoftMemory::close() {
    m_mutex.lock();
    m_gate.close();
}

void SoftMemory::open() {
    m_gate.open();
    m_mutex.unlock();
}

void SoftMemory::exclusively(const std::function<void()>& function) {
    close();
    function();
    open();
}

void SoftMemory::changeBegins() {
    close();
    m_changing = true;
}

void SoftMemory::changeEnds() {
    m_changing = false;
    for (const Follower& follower : m_followers)
        follower.memoryChanged();
    open();
}

void SoftMemory::sectionRemoved(const DirectSection& section) {
    if (!m_changing)
        close();
    m_view.remove(section);
    for (const Follower& follower : m_followers)
        follower.sectionRemoved(section.base, section.sizeBytes);
    if (!m_changing) {
        for (const Follower& follower : m_followers)
            follower.memoryChanged();
        open();
    }
}

void SoftMemory::sectionAdded(const DirectSection& section) {
    if (!m_changing)
        close();
    m_view.add(section);
    if (!m_changing) { // nothing was there before: nothing is stale
        open();
    }
}

bool SoftMemory::fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                                 std::vector<uint64_t>& pages) {
    close();
    const bool any = m_view.fetchDirtyPages(base, sizeBytes, pages);
    if (any)
        for (const Follower& follower : m_followers)
            follower.writesTracked();
    open();
    return any;
}

} // namespace vivarium
