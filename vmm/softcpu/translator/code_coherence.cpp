#include "vmm/softcpu/translator/code_coherence.h"

#include <algorithm>

#include <sched.h>

namespace vivarium::softcpu {

void CodeCoherence::add(Member& member) {
    std::lock_guard lock(m_mutex);
    m_members.push_back(&member);
}

void CodeCoherence::remove(Member& member) {
    std::lock_guard lock(m_mutex);
    std::erase(m_members, &member);
}

CodeCoherence::Requests CodeCoherence::attend(Member& member) {
    member.m_state.attention.fetch_and(~kAttentionCode);
    Requests requests;
    {
        std::lock_guard lock(member.m_mutex);
        requests.ranges.swap(member.m_ranges);
    }
    requests.flushWrites = member.m_flushWrites.load();
    requests.verify = member.m_verify.exchange(false);
    return requests;
}

void CodeCoherence::flushed(Member& member) {
    member.m_flushWrites.store(false);
}

std::vector<CodeCoherence::Member*> CodeCoherence::askOthersToFlush(const Member& self) {
    std::lock_guard lock(m_mutex);
    std::vector<Member*> others;
    for (Member* member : m_members) {
        if (member == &self)
            continue;
        member->m_flushWrites.store(true);
        member->m_state.attention.fetch_or(kAttentionCode);
        others.push_back(member);
    }
    return others;
}

bool CodeCoherence::confirmed(GuestAddress page) {
    std::lock_guard lock(m_mutex);
    return m_confirmed.count(page) != 0 && m_physical.hasCode(page);
}

bool CodeCoherence::confirm(GuestAddress page) {
    std::lock_guard lock(m_mutex);
    if (!m_physical.hasCode(page))
        return false;
    m_confirmed.insert(page);
    return true;
}

void CodeCoherence::loseCode(const Member& self, GuestAddress page, uint64_t sizeBytes) {
    std::lock_guard lock(m_mutex);
    writtenLocked(&self, page, sizeBytes);
    m_confirmed.erase(page);
    m_physical.clearCode(page);
}

void CodeCoherence::request(Member& member, GuestAddress address, uint64_t sizeBytes) {
    {
        std::lock_guard lock(member.m_mutex);
        if (member.m_ranges.size() >= Member::kMaxRanges) { // a vCPU that is halted for long
            address = 0;
            sizeBytes = ~uint64_t{0};
            member.m_ranges.clear();
        }
        member.m_ranges.push_back({address, sizeBytes});
    }
    member.m_state.attention.fetch_or(kAttentionCode);
}

void CodeCoherence::devicesWrote() {
    std::lock_guard lock(m_mutex);
    for (Member* member : m_members) {
        member->m_verify.store(true);
        member->m_state.attention.fetch_or(kAttentionCode);
    }
}

void CodeCoherence::written(const Member* self, GuestAddress address, uint64_t sizeBytes) {
    std::lock_guard lock(m_mutex);
    writtenLocked(self, address, sizeBytes);
}

void CodeCoherence::writtenLocked(const Member* self, GuestAddress address, uint64_t sizeBytes) {
    for (Member* member : m_members)
        if (member != self)
            request(*member, address, sizeBytes);
}

void CodeCoherence::relax() {
    ::sched_yield();
}

} // namespace vivarium::softcpu
