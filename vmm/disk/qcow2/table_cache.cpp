#include "vmm/disk/qcow2/table_cache.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

namespace {
constexpr size_t kMaxSliceBytes = 4096;
constexpr size_t kMinSlices = 16;
} // namespace

TableCache::TableCache(ImageContext& context, MetadataKind kind, uint64_t capacityBytes)
    : m_context(context), m_kind(kind),
      m_sliceBytes(std::min<size_t>(kMaxSliceBytes, context.clusterBytes())),
      m_capacity(std::max<size_t>(kMinSlices, capacityBytes / m_sliceBytes)),
      m_loaded(context.loop) {}

TableCache::Slice* TableCache::peek(uint64_t offset) {
    auto found = m_slices.find(sliceOffset(offset));
    if (found == m_slices.end() || found->second.loading)
        return nullptr;
    if (m_order.begin() != found->second.used)
        m_order.splice(m_order.begin(), m_order, found->second.used);
    return &found->second;
}

Task<TableCache::Lookup> TableCache::get(uint64_t offset) {
    const uint64_t at = sliceOffset(offset);
    for (;;) {
        auto found = m_slices.find(at);
        if (found == m_slices.end())
            break;
        if (!found->second.loading) {
            m_order.splice(m_order.begin(), m_order, found->second.used);
            co_return Lookup{&found->second, 0};
        }
        co_await m_loaded.wait();
    }
    makeRoom();
    Slice& slice = m_slices[at];
    slice.offset = at;
    slice.bytes = allocateBytes(m_sliceBytes);
    m_order.push_front(&slice);
    slice.used = m_order.begin();
    int error = co_await m_context.file.read(at, slice.bytes.get(), m_sliceBytes);
    slice.loading = false;
    m_loaded.wakeAll();
    if (error != 0) {
        m_order.erase(slice.used);
        m_slices.erase(at);
        co_return Lookup{nullptr, error};
    }
    co_return Lookup{&slice, 0};
}

void TableCache::makeRoom() {
    auto it = m_order.end();
    while (m_slices.size() >= m_capacity && it != m_order.begin()) {
        --it;
        Slice* slice = *it;
        if (slice->loading || slice->dirty || slice->writing)
            continue;
        it = m_order.erase(it);
        m_slices.erase(slice->offset);
    }
}

void TableCache::markDirty(Slice& slice) {
    if (!slice.dirty)
        ++m_dirty;
    slice.dirty = true;
}

TableCache::Slice& TableCache::insertZeroes(uint64_t offset) {
    const uint64_t at = sliceOffset(offset);
    auto found = m_slices.find(at);
    if (found != m_slices.end()) {
        std::memset(found->second.bytes.get(), 0, m_sliceBytes);
        return found->second;
    }
    makeRoom();
    Slice& slice = m_slices[at];
    slice.offset = at;
    slice.bytes = allocateZeroes(m_sliceBytes);
    slice.loading = false;
    m_order.push_front(&slice);
    slice.used = m_order.begin();
    return slice;
}

void TableCache::forget(uint64_t tableOffset, uint64_t bytes) {
    for (uint64_t at = tableOffset; at < tableOffset + bytes; at += m_sliceBytes) {
        auto found = m_slices.find(at);
        if (found == m_slices.end())
            continue;
        if (std::exchange(found->second.dirty, false))
            --m_dirty;
        if (found->second.loading || found->second.writing)
            continue;
        m_order.erase(found->second.used);
        m_slices.erase(found);
    }
}

std::vector<TableCache::Pending> TableCache::takeDirty() {
    std::vector<Pending> pending;
    if (m_dirty == 0)
        return pending;
    pending.reserve(m_dirty);
    for (Slice* slice : m_order) {
        if (!slice->dirty)
            continue;
        OwnedBytes copy = allocateBytes(m_sliceBytes);
        std::memcpy(copy.get(), slice->bytes.get(), m_sliceBytes);
        pending.push_back({slice->offset, std::move(copy)});
        slice->dirty = false;
        slice->writing = true;
    }
    m_dirty = 0;
    return pending;
}

Task<int> TableCache::write(std::vector<Pending>& pending) {
    std::vector<Task<int>> writes;
    int error = 0;
    for (Pending& part : pending)
        writes.push_back(
            m_context.writeMetadata(m_kind, part.offset, part.bytes.get(), m_sliceBytes));
    for (size_t i = 0; i < writes.size(); ++i) {
        Task<int>& started = writes[i];
        int result = co_await started;
        error = error == 0 ? result : error;
        auto found = m_slices.find(pending[i].offset);
        if (found == m_slices.end())
            continue;
        found->second.writing = false;
        if (result != 0)
            markDirty(found->second);
    }
    co_return error;
}

void TableCache::putBack(std::vector<Pending>& pending) {
    for (Pending& part : pending) {
        auto found = m_slices.find(part.offset);
        if (found == m_slices.end())
            continue;
        found->second.writing = false;
        markDirty(found->second);
    }
}

} // namespace vivarium::qcow2
