#include "vmm/softcpu/memory/physical_view.h"

#include <algorithm>

namespace vivarium::softcpu {
namespace {

constexpr uint64_t kPageBytes = 4096;

} // namespace

void PhysicalView::add(const DirectSection& section) {
    Section added{section,
                  std::make_unique<std::atomic<uint8_t>[]>(section.sizeBytes / kPageBytes)};
    const auto place = std::ranges::upper_bound(
        m_sections, section.base, {}, [](const Section& other) { return other.direct.base; });
    m_sections.insert(place, std::move(added));
}

void PhysicalView::remove(const DirectSection& section) {
    std::erase_if(m_sections, [&](const Section& other) { return other.direct == section; });
}

const PhysicalView::Section* PhysicalView::findSection(GuestAddress address) const {
    size_t low = 0, high = m_sections.size();
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const DirectSection& direct = m_sections[middle].direct;
        if (address < direct.base)
            high = middle;
        else if (address - direct.base >= direct.sizeBytes)
            low = middle + 1;
        else
            return &m_sections[middle];
    }
    return nullptr;
}

PhysicalPage PhysicalView::find(GuestAddress address) const {
    const Section* section = findSection(address);
    if (section == nullptr)
        return {};
    const uint64_t page = (address - section->direct.base) / kPageBytes;
    return {.host = section->direct.host + page * kPageBytes,
            .writable = section->direct.access == DirectSection::Access::ReadWrite,
            .logged = section->direct.dirtyLog == MemoryRegion::DirtyLog::On,
            .flags = &section->flags[page]};
}

uint8_t* PhysicalView::host(GuestAddress address, unsigned sizeBytes) const {
    const uint64_t offset = address % kPageBytes;
    if (offset + sizeBytes > kPageBytes)
        return nullptr;
    const PhysicalPage page = find(address);
    return page.host == nullptr ? nullptr : page.host + offset;
}

void PhysicalView::setCode(GuestAddress address) {
    if (const PhysicalPage page = find(address); page.flags != nullptr)
        page.flags->fetch_or(kPageHasCode);
}

void PhysicalView::clearCode(GuestAddress address) {
    if (const PhysicalPage page = find(address); page.flags != nullptr)
        page.flags->fetch_and(static_cast<uint8_t>(~kPageHasCode));
}

bool PhysicalView::hasCode(GuestAddress address) const {
    const PhysicalPage page = find(address);
    return page.flags != nullptr && (page.flags->load() & kPageHasCode);
}

bool PhysicalView::fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                                   std::vector<uint64_t>& pages) {
    const uint64_t count = sizeBytes / kPageBytes;
    pages.assign((count + 63) / 64, 0);
    bool any = false;
    for (uint64_t i = 0; i < count; ++i) {
        const Section* section = findSection(base + i * kPageBytes);
        if (section == nullptr)
            continue;
        bool written = true;
        if (section->direct.dirtyLog == MemoryRegion::DirtyLog::On) {
            const uint64_t page = (base + i * kPageBytes - section->direct.base) / kPageBytes;
            written = !(section->flags[page].fetch_or(kPageClean) & kPageClean);
        }
        if (!written)
            continue;
        pages[i / 64] |= uint64_t{1} << (i % 64);
        any = true;
    }
    return any;
}

} // namespace vivarium::softcpu
