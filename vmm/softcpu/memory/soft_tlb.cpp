#include "vmm/softcpu/memory/soft_tlb.h"

#include <algorithm>

namespace vivarium::softcpu {

SoftTlb::SoftTlb(CpuState& state) : m_state(state) {
    m_filled.reserve(kSlots);
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        invertedTag(slot) = ~invalidTag(slot);
        addend(slot) = 0;
        if (executes(slot))
            codePageOf(slot) = 0 - noCodePage(slot % kTlbEntries);
    }
}

void SoftTlb::drop(unsigned slot) {
    invertedTag(slot) = ~invalidTag(slot);
    if (executes(slot))
        codePageOf(slot) = 0 - noCodePage(slot % kTlbEntries);
}

void SoftTlb::fill(const Page& page, AccessKind kind, TlbMode mode) {
    const unsigned slot =
        (static_cast<unsigned>(mode) * kAccessKinds + static_cast<unsigned>(kind)) * kTlbEntries +
        indexOf(page.linear);
    const uint64_t distance = reinterpret_cast<uint64_t>(page.host) - page.linear;
    if (executes(slot) && (tag(slot) != page.linear || addend(slot) != distance))
        drop(slot);
    invertedTag(slot) = ~page.linear;
    addend(slot) = distance;
    m_shift[slot] = page.shift;
    m_global[slot] = page.global;
    if (page.shift != 12) {
        const uint64_t within = (uint64_t{1} << page.shift) - 1;
        m_largeLow = std::min(m_largeLow, page.linear & ~within);
        m_largeHigh = std::max(m_largeHigh, page.linear | within);
    }
    if (!m_listed[slot]) {
        m_listed[slot] = true;
        m_filled.push_back(static_cast<uint16_t>(slot));
    }
}

void SoftTlb::flushAll() {
    for (const uint16_t slot : m_filled) {
        drop(slot);
        m_listed[slot] = false;
    }
    m_filled.clear();
    m_largeLow = ~uint64_t{0};
    m_largeHigh = 0;
}

void SoftTlb::flushNonGlobal() {
    std::erase_if(m_filled, [this](uint16_t slot) {
        if (m_global[slot] && tag(slot) != invalidTag(slot))
            return false;
        drop(slot);
        m_listed[slot] = false;
        return true;
    });
}

void SoftTlb::flushWrites() {
    constexpr unsigned kWrite = static_cast<unsigned>(AccessKind::Write);
    for (const uint16_t slot : m_filled)
        if (slot / kTlbEntries % kAccessKinds == kWrite)
            drop(slot);
}

void SoftTlb::flushPage(uint64_t linear) {
    const uint64_t page = linear & ~uint64_t{0xFFF};
    for (unsigned slot = indexOf(linear); slot < kSlots; slot += kTlbEntries)
        if (tag(slot) == page)
            drop(slot);
    if (linear >= m_largeLow && linear <= m_largeHigh)
        flushLargePage(linear);
}

void SoftTlb::flushLargePage(uint64_t linear) {
    for (const uint16_t slot : m_filled)
        if (m_shift[slot] != 12 && tag(slot) >> m_shift[slot] == linear >> m_shift[slot])
            drop(slot);
}

void SoftTlb::setCodePage(uint64_t linear, GuestAddress physical, TlbMode mode) {
    const unsigned slot = executeSlot(linear, mode);
    if (tag(slot) != (linear & ~uint64_t{0xFFF}) || physical >> kCodePhysicalBits != 0)
        return;
    if (m_codeSlots.size() >= 2 * kTlbEntries * kTlbModes)
        forgetCodePages();
    m_codeSlots.push_back(static_cast<uint16_t>(slot));
    codePageOf(slot) = 0 - codePageName(linear, physical);
}

std::optional<GuestAddress> SoftTlb::codePage(uint64_t linear, TlbMode mode) const {
    const uint64_t name = 0 - m_state.codePage[static_cast<unsigned>(mode)][indexOf(linear)];
    const uint64_t physical =
        (name << 12 & ((uint64_t{1} << kCodePhysicalBits) - 1)) | (linear & 0xFFF);
    if (name != codePageName(linear, physical))
        return std::nullopt;
    return physical;
}

void SoftTlb::forgetCodePages() {
    for (const uint16_t slot : m_codeSlots)
        codePageOf(slot) = 0 - noCodePage(slot % kTlbEntries);
    m_codeSlots.clear();
}

} // namespace vivarium::softcpu
