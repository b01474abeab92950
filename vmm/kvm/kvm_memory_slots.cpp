#include "vmm/kvm/kvm_memory_slots.h"

#include "vmm/base/log.h"
#include "vmm/kvm/kvm_ioctl.h"

#include <algorithm>
#include <bit>

namespace vivarium {

namespace {

constexpr uint64_t kPage = DirtyLog::kPageBytes;

size_t wordsFor(uint64_t pageCount) {
    return static_cast<size_t>((pageCount + 63) / 64);
}

void setBit(std::vector<uint64_t>& words, uint64_t bit) {
    words[static_cast<size_t>(bit / 64)] |= uint64_t{1} << (bit % 64);
}

// Whether KVM keeps a log for it: of memory that the guest cannot write there is nothing to log.
bool isLogged(const DirectSection& section) {
    return section.dirtyLog == MemoryRegion::DirtyLog::On &&
           section.access == DirectSection::Access::ReadWrite;
}

} // namespace

KvmMemorySlots::KvmMemorySlots(int vmFd, uint32_t slotLimit, RunGate& gate)
    : m_vmFd(vmFd), m_slotLimit(slotLimit), m_gate(gate) {}

std::optional<uint32_t> KvmMemorySlots::freeNumberLocked() {
    std::vector<bool> used(m_slots.size() + 1);
    for (const auto& [base, slot] : m_slots)
        if (slot.number < used.size())
            used[slot.number] = true;
    auto number = static_cast<uint32_t>(std::find(used.begin(), used.end(), false) - used.begin());
    if (number >= m_slotLimit)
        return std::nullopt;
    return number;
}

void KvmMemorySlots::sectionAdded(const DirectSection& section) {
    MutexLocker lock(m_mutex);
    auto number = freeNumberLocked();
    if (!number) {
        logWarning("kvm", formatText("out of memory slots: %#llx stays trapped",
                                     static_cast<unsigned long long>(section.base)));
        return;
    }
    kvm_userspace_memory_region region{};
    region.slot = *number;
    region.guest_phys_addr = section.base;
    region.memory_size = section.sizeBytes;
    region.userspace_addr = reinterpret_cast<uint64_t>(section.host);
    if (section.access == DirectSection::Access::ReadOnly)
        region.flags |= KVM_MEM_READONLY;
    if (isLogged(section))
        region.flags |= KVM_MEM_LOG_DIRTY_PAGES;
    if (kvmIoctl(m_vmFd, KVM_SET_USER_MEMORY_REGION, &region) < 0) {
        logError("kvm",
                 systemError(errno, formatText("map memory at %#llx, which stays trapped",
                                               static_cast<unsigned long long>(section.base)))
                     .detail);
        return;
    }
    Slot slot{*number, section, {}};
    if (isLogged(section))
        slot.pending.assign(wordsFor(section.sizeBytes / kPage), 0);
    m_slots.insert_or_assign(section.base, std::move(slot));
}

void KvmMemorySlots::sectionRemoved(const DirectSection& section) {
    MutexLocker lock(m_mutex);
    auto slot = m_slots.find(section.base);
    if (slot == m_slots.end()) // was refused
        return;
    kvm_userspace_memory_region region{}; // size 0 deletes
    region.slot = slot->second.number;
    region.guest_phys_addr = section.base;
    if (kvmIoctl(m_vmFd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        logError("kvm", systemError(errno, "unmap memory").detail);
    m_slots.erase(slot);
}

void KvmMemorySlots::readLogLocked(Slot& slot) {
    m_logBuffer.assign(slot.pending.size(), 0);
    kvm_dirty_log log{};
    log.slot = slot.number;
    log.dirty_bitmap = m_logBuffer.data();
    if (kvmIoctl(m_vmFd, KVM_GET_DIRTY_LOG, &log) < 0) {
        std::fill(slot.pending.begin(), slot.pending.end(), ~uint64_t{0}); // better too much
        return;
    }
    for (size_t i = 0; i < m_logBuffer.size(); ++i)
        slot.pending[i] |= m_logBuffer[i];
}

bool KvmMemorySlots::fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                                     std::vector<uint64_t>& pages) {
    pages.assign(wordsFor(sizeBytes / kPage), 0);
    if (sizeBytes == 0 || base > ~uint64_t{0} - (sizeBytes - 1))
        return false;
    const GuestAddress last = base + (sizeBytes - 1);
    bool any = false;
    MutexLocker lock(m_mutex);
    for (auto& [slotBase, slot] : m_slots) {
        const GuestAddress slotLast = slotBase + (slot.section.sizeBytes - 1);
        if (slotLast < base || slotBase > last)
            continue;
        const uint64_t firstPage = (std::max(base, slotBase) - slotBase) / kPage;
        const uint64_t lastPage = (std::min(last, slotLast) - slotBase) / kPage;
        // Of a page of the slot; `base` may lie inside the slot or below it.
        auto resultBit = [base, start = slotBase](uint64_t page) {
            return (start + page * kPage - base) / kPage;
        };
        if (!isLogged(slot.section)) {
            if (slot.section.access == DirectSection::Access::ReadOnly)
                continue;
            for (uint64_t page = firstPage; page <= lastPage; ++page)
                setBit(pages, resultBit(page));
            any = true;
            continue;
        }
        readLogLocked(slot);
        for (uint64_t word = firstPage / 64; word <= lastPage / 64; ++word) {
            uint64_t mask = ~uint64_t{0};
            if (word == firstPage / 64)
                mask &= ~uint64_t{0} << (firstPage % 64);
            if (word == lastPage / 64)
                mask &= ~uint64_t{0} >> (63 - lastPage % 64);
            uint64_t& pending = slot.pending[static_cast<size_t>(word)];
            uint64_t found = pending & mask;
            pending &= ~mask;
            any |= found != 0;
            for (; found != 0; found &= found - 1)
                setBit(pages,
                       resultBit(word * 64 + static_cast<unsigned>(std::countr_zero(found))));
        }
    }
    return any;
}

} // namespace vivarium
