#include "vmm/softcpu/memory/soft_tlb.h"

namespace vivarium::softcpu {

SoftTlb::SoftTlb(CpuState& state) : m_state(state) {
    m_filled.reserve(kSlots);
    for (unsigned slot = 0; slot < kSlots; ++slot)
        entry(slot) = {invalidTag(slot), 0};
}

void SoftTlb::fill(const Page& page, AccessKind kind, TlbMode mode) {
    const unsigned slot =
        (static_cast<unsigned>(mode) * kAccessKinds + static_cast<unsigned>(kind)) * kTlbEntries +
        indexOf(page.linear);
    entry(slot) = {page.linear, reinterpret_cast<uint64_t>(page.host) - page.linear};
    m_shift[slot] = page.shift;
    m_global[slot] = page.global;
    if (page.shift != 12)
        ++m_largeFills;
    if (!m_listed[slot]) {
        m_listed[slot] = true;
        m_filled.push_back(static_cast<uint16_t>(slot));
    }
}

void SoftTlb::flushAll() {
    ++m_flushCount;
    for (const uint16_t slot : m_filled) {
        entry(slot).tag = invalidTag(slot);
        m_listed[slot] = false;
    }
    m_filled.clear();
    m_largeFills = 0;
}

void SoftTlb::flushNonGlobal() {
    ++m_flushCount;
    std::erase_if(m_filled, [this](uint16_t slot) {
        if (m_global[slot] && entry(slot).tag != invalidTag(slot))
            return false;
        entry(slot).tag = invalidTag(slot);
        m_listed[slot] = false;
        return true;
    });
}

void SoftTlb::flushWrites() {
    constexpr unsigned kWrite = static_cast<unsigned>(AccessKind::Write);
    for (const uint16_t slot : m_filled)
        if (slot / kTlbEntries % kAccessKinds == kWrite)
            entry(slot).tag = invalidTag(slot);
}

void SoftTlb::flushPage(uint64_t linear) {
    ++m_flushCount;
    const uint64_t page = linear & ~uint64_t{0xFFF};
    for (unsigned slot = indexOf(linear); slot < kSlots; slot += kTlbEntries)
        if (entry(slot).tag == page)
            entry(slot).tag = invalidTag(slot);
    if (m_largeFills == 0)
        return;
    for (const uint16_t slot : m_filled)
        if (m_shift[slot] != 12 && entry(slot).tag >> m_shift[slot] == linear >> m_shift[slot])
            entry(slot).tag = invalidTag(slot);
}

} // namespace vivarium::softcpu
