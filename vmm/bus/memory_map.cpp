#include "vmm/bus/memory_map.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

namespace vivarium {

namespace {
constexpr uint64_t kPageBytes = 4096;

// Direct regions need no trapping: the CPU reads (and for Ram writes) them by itself.
bool isDirect(const MemoryRegion& region) {
    return region.kind != MemoryKind::Mmio;
}

// The longest naturally aligned access of 1, 2, 4 or 8 bytes at `address` within `lengthBytes`.
unsigned alignedAccessBytes(uint64_t address, uint64_t lengthBytes) {
    unsigned size = 8;
    while (size > 1 && (address % size != 0 || size > lengthBytes))
        size /= 2;
    return size;
}
} // namespace

Result<MemoryMapping> MemoryMap::map(MemoryRegion region) {
    // The end itself must be an address: no CPU has 64 physical address bits.
    if (region.sizeBytes == 0 || !checkedAdd(region.base, region.sizeBytes))
        return fail(ErrorCode::InvalidArgument, region.name + ": region out of bounds");
    if (isDirect(region) &&
        (!region.host || region.base % kPageBytes != 0 || region.sizeBytes % kPageBytes != 0))
        return fail(ErrorCode::InvalidArgument,
                    region.name + ": direct memory must be whole pages");
    if (!isDirect(region) && (!region.handler.read || !region.handler.write))
        return fail(ErrorCode::InvalidArgument, region.name + ": region without handler");
    std::unique_lock lock(m_mutex);
    uint64_t id = m_nextId++;
    m_entries.push_back(std::make_unique<Entry>(Entry{id, std::move(region)}));
    changedLocked();
    return MemoryMapping(*this, id);
}

void MemoryMap::unmap(uint64_t id) {
    std::unique_lock lock(m_mutex);
    auto entry = std::find_if(m_entries.begin(), m_entries.end(),
                              [id](const auto& e) { return e->id == id; });
    if (entry == m_entries.end())
        return;
    auto removed = std::move(*entry); // lives until the flat list no longer points at it
    m_entries.erase(entry);
    // A dispatch between now and the end of a batch must not see the freed region.
    std::erase_if(m_flat, [&](const FlatRange& r) { return r.region == &removed->region; });
    changedLocked();
}

void MemoryMap::changedLocked() {
    if (m_batchDepth > 0)
        m_batchChanged = true;
    else
        rebuildLocked();
}

void MemoryMap::rebuildLocked() {
    std::set<GuestAddress> edges;
    for (const auto& entry : m_entries) {
        edges.insert(entry->region.base);
        edges.insert(entry->region.base + entry->region.sizeBytes);
    }
    m_flat.clear();
    for (auto edge = edges.begin(); edge != edges.end() && std::next(edge) != edges.end(); ++edge) {
        GuestAddress base = *edge;
        uint64_t sizeBytes = *std::next(edge) - base;
        const MemoryRegion* best = nullptr;
        for (const auto& entry : m_entries) {
            const MemoryRegion& region = entry->region;
            if (base >= region.base && base - region.base < region.sizeBytes &&
                (!best || region.priority > best->priority))
                best = &region;
        }
        if (!best)
            continue;
        if (!m_flat.empty() && m_flat.back().region == best &&
            m_flat.back().base + m_flat.back().sizeBytes == base)
            m_flat.back().sizeBytes += sizeBytes;
        else
            m_flat.push_back({base, sizeBytes, base - best->base, best});
    }

    std::vector<DirectSection> sections;
    for (const FlatRange& range : m_flat) {
        const MemoryRegion& region = *range.region;
        if (!isDirect(region))
            continue;
        // A sub-page MMIO region can cut a page out of direct memory; the CPU sees whole pages.
        GuestAddress base = alignUp(range.base, kPageBytes);
        GuestAddress end = alignDown(range.base + range.sizeBytes, kPageBytes);
        if (base >= end)
            continue;
        sections.push_back({base, end - base, region.host + range.offset + (base - range.base),
                            region.kind == MemoryKind::Ram ? DirectSection::Access::ReadWrite
                                                           : DirectSection::Access::ReadOnly,
                            region.dirtyLog});
    }
    if (m_listener) {
        auto contains = [](const std::vector<DirectSection>& list, const DirectSection& section) {
            return std::find(list.begin(), list.end(), section) != list.end();
        };
        bool removes = std::any_of(m_sections.begin(), m_sections.end(),
                                   [&](const auto& old) { return !contains(sections, old); });
        if (removes)
            m_listener->changeBegins();
        for (const DirectSection& old : m_sections)
            if (!contains(sections, old))
                m_listener->sectionRemoved(old);
        for (const DirectSection& section : sections)
            if (!contains(m_sections, section))
                m_listener->sectionAdded(section);
        if (removes)
            m_listener->changeEnds();
    }
    m_sections = std::move(sections);
}

void MemoryMap::setListener(DirectMemoryListener* listener) {
    std::unique_lock lock(m_mutex);
    m_listener = listener;
    if (m_listener)
        for (const DirectSection& section : m_sections)
            m_listener->sectionAdded(section);
}

MemoryMap::Batch::Batch(MemoryMap& map) : m_map(map) {
    std::unique_lock lock(m_map.m_mutex);
    ++m_map.m_batchDepth;
}

MemoryMap::Batch::~Batch() {
    std::unique_lock lock(m_map.m_mutex);
    if (--m_map.m_batchDepth == 0 && std::exchange(m_map.m_batchChanged, false))
        m_map.rebuildLocked();
}

MemoryMap::Access MemoryMap::resolve(GuestAddress address, uint64_t maxBytes) const {
    std::shared_lock lock(m_mutex);
    auto next = std::upper_bound(m_flat.begin(), m_flat.end(), address,
                                 [](GuestAddress a, const FlatRange& r) { return a < r.base; });
    uint64_t gapBytes = next == m_flat.end() ? maxBytes : std::min(maxBytes, next->base - address);
    if (next == m_flat.begin() || address - std::prev(next)->base >= std::prev(next)->sizeBytes)
        return {MemoryKind::Mmio, {}, 0, nullptr, gapBytes, false};
    const FlatRange& range = *std::prev(next);
    uint64_t inRange = address - range.base;
    uint64_t offset = range.offset + inRange;
    return {range.region->kind,
            range.region->handler,
            offset,
            range.region->host ? range.region->host + offset : nullptr,
            std::min(maxBytes, range.sizeBytes - inRange),
            true};
}

void MemoryMap::read(GuestAddress address, ByteSpan out) {
    while (!out.empty()) {
        Access access = resolve(address, out.size());
        uint64_t done = access.lengthBytes;
        if (!access.found) {
            std::fill_n(out.begin(), done, uint8_t{0xFF});
        } else if (access.kind != MemoryKind::Mmio) {
            std::copy_n(access.host, done, out.begin());
        } else {
            done = alignedAccessBytes(address, done);
            auto size = static_cast<unsigned>(done);
            uint64_t value;
            if (access.handler.locking == IoLocking::LockFree) {
                value = access.handler.read(access.handler.device, access.offset, size);
            } else {
                MutexLocker lock(m_deviceLock);
                value = access.handler.read(access.handler.device, access.offset, size);
            }
            std::memcpy(out.data(), &value, done);
        }
        out = out.subspan(done);
        address += done;
    }
}

void MemoryMap::write(GuestAddress address, ConstByteSpan in) {
    while (!in.empty()) {
        Access access = resolve(address, in.size());
        uint64_t done = access.lengthBytes;
        if (access.found && access.kind == MemoryKind::Ram) {
            std::copy_n(in.begin(), done, access.host);
        } else if (access.found && access.handler.write) {
            done = alignedAccessBytes(address, done);
            uint64_t value = 0;
            std::memcpy(&value, in.data(), done);
            auto size = static_cast<unsigned>(done);
            if (access.handler.locking == IoLocking::LockFree) {
                access.handler.write(access.handler.device, access.offset, size, value);
            } else {
                MutexLocker lock(m_deviceLock);
                access.handler.write(access.handler.device, access.offset, size, value);
            }
        }
        in = in.subspan(done);
        address += done;
    }
}

std::vector<DirectSection> MemoryMap::directSections() const {
    std::shared_lock lock(m_mutex);
    return m_sections;
}

MemoryMapping::MemoryMapping(MemoryMapping&& other) noexcept
    : m_map(std::exchange(other.m_map, nullptr)), m_id(other.m_id) {}

MemoryMapping& MemoryMapping::operator=(MemoryMapping&& other) noexcept {
    if (this != &other) {
        reset();
        m_map = std::exchange(other.m_map, nullptr);
        m_id = other.m_id;
    }
    return *this;
}

void MemoryMapping::reset() {
    if (m_map)
        std::exchange(m_map, nullptr)->unmap(m_id);
}

} // namespace vivarium
