#include "vmm/disk/qcow2/cluster_map.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

namespace {

// 4 KiB of it map 32 MiB of disk at the usual cluster size.
constexpr uint64_t kCacheBytes = 32 << 20;

} // namespace

ClusterMap::ClusterMap(ImageContext& context, Refcounts& refcounts)
    : m_context(context), m_refcounts(refcounts),
      m_l2(context, MetadataKind::ActiveL2, kCacheBytes),
      m_tableEntries(context.header.l2Entries()), m_sliceEntries(m_l2.sliceBytes() / 8),
      m_tableMutex(context.loop) {}

Task<int> ClusterMap::load() {
    m_l1.resize(m_context.header.l1Entries);
    if (m_l1.empty())
        co_return 0;
    int error =
        co_await m_context.file.read(m_context.header.l1Offset, m_l1.data(), m_l1.size() * 8);
    for (uint64_t& entry : m_l1)
        entry = byteSwap(entry);
    co_return error;
}

uint64_t ClusterMap::tableOf(uint64_t guestCluster, bool* own) const {
    const uint64_t entry = m_l1[guestCluster / m_tableEntries];
    *own = (entry & kCopied) != 0;
    return entry & kOffsetMask;
}

Task<TableCache::Lookup> ClusterMap::sliceOf(uint64_t guestCluster) {
    bool own;
    const uint64_t table = tableOf(guestCluster, &own);
    if (m_context.offsetInCluster(table) != 0 || table >= m_context.fileEndBytes) {
        int error = co_await m_context.reportDamage("an L2 table is misplaced", table);
        co_return TableCache::Lookup{nullptr, error};
    }
    const uint64_t slice = guestCluster % m_tableEntries / m_sliceEntries;
    TableCache::Lookup lookup = co_await m_l2.get(table + slice * m_l2.sliceBytes());
    co_return lookup;
}

ClusterEntry ClusterMap::decode(uint64_t entry) const {
    ClusterEntry out;
    if (entry & kCompressed) {
        // The specification, "Compressed Clusters Descriptor".
        const unsigned sizeBits = m_context.header.clusterBits - 8;
        const unsigned x = 62 - sizeBits;
        out.kind = ClusterEntry::Kind::Compressed;
        out.hostOffset = entry & ((uint64_t{1} << x) - 1);
        const uint64_t sectors = (entry >> x & ((uint64_t{1} << sizeBits) - 1)) + 1;
        out.packedBytes = sectors * kSectorBytes - (out.hostOffset & (kSectorBytes - 1));
        return out;
    }
    out.hostOffset = entry & kOffsetMask;
    out.writable = out.hostOffset != 0 && (entry & kCopied) != 0;
    if (entry & kZero)
        out.kind = ClusterEntry::Kind::Zero;
    else if (out.hostOffset != 0)
        out.kind = ClusterEntry::Kind::Data;
    return out;
}

bool ClusterMap::isValid(uint64_t entry) const {
    if (entry & kCompressed)
        return true;
    if ((entry & kZero) && m_context.header.version < 3)
        return false;
    return m_context.offsetInCluster(entry & kOffsetMask) == 0;
}

GuestExtent ClusterMap::scan(const uint8_t* slice, uint64_t offset, uint64_t length,
                             bool* valid) const {
    const uint64_t clusterBytes = m_context.clusterBytes();
    uint64_t cluster = m_context.clusterOf(offset);
    const uint64_t inCluster = m_context.offsetInCluster(offset);
    uint64_t index = cluster % m_sliceEntries;
    const uint64_t firstEntry = loadBe<uint64_t>(slice + index * 8);
    *valid = isValid(firstEntry);
    GuestExtent extent;
    extent.entry = decode(firstEntry);
    if (extent.entry.hostOffset != 0 && extent.entry.kind != ClusterEntry::Kind::Compressed)
        extent.entry.hostOffset += inCluster;
    extent.lengthBytes = clusterBytes - inCluster;
    while (extent.lengthBytes < length && ++index < m_sliceEntries &&
           extent.entry.kind != ClusterEntry::Kind::Compressed) {
        const uint64_t entry = loadBe<uint64_t>(slice + index * 8);
        const ClusterEntry next = decode(entry);
        if (next.kind != extent.entry.kind || next.writable != extent.entry.writable ||
            !isValid(entry))
            break;
        if (next.hostOffset != 0 || extent.entry.hostOffset != 0)
            if (next.hostOffset != extent.entry.hostOffset + extent.lengthBytes)
                break;
        extent.lengthBytes += clusterBytes;
    }
    extent.lengthBytes = std::min(extent.lengthBytes, length);
    return extent;
}

// Whole L2 tables that do not exist.
bool ClusterMap::unallocatedRow(uint64_t offset, uint64_t length, GuestExtent* extent) const {
    bool own;
    uint64_t cluster = m_context.clusterOf(offset);
    if (tableOf(cluster, &own) != 0)
        return false;
    uint64_t end = offset;
    while (end - offset < length && tableOf(cluster, &own) == 0) {
        cluster = (cluster / m_tableEntries + 1) * m_tableEntries;
        end = cluster << m_context.header.clusterBits;
        if (cluster / m_tableEntries >= m_l1.size())
            break;
    }
    extent->entry = {};
    extent->lengthBytes = std::min(end - offset, length);
    return true;
}

bool ClusterMap::findCached(uint64_t offset, uint64_t length, GuestExtent* extent) {
    if (unallocatedRow(offset, length, extent))
        return true;
    bool own;
    const uint64_t cluster = m_context.clusterOf(offset);
    const uint64_t slice = cluster % m_tableEntries / m_sliceEntries;
    TableCache::Slice* cached = m_l2.peek(tableOf(cluster, &own) + slice * m_l2.sliceBytes());
    if (!cached)
        return false;
    bool valid;
    *extent = scan(cached->bytes.get(), offset, length, &valid);
    return valid;
}

Task<ClusterMap::Lookup> ClusterMap::find(uint64_t offset, uint64_t length) {
    Lookup out{{}, 0};
    if (unallocatedRow(offset, length, &out.extent))
        co_return out;
    TableCache::Lookup lookup = co_await sliceOf(m_context.clusterOf(offset));
    if (!lookup.slice) {
        out.error = lookup.error;
        co_return out;
    }
    bool valid;
    out.extent = scan(lookup.slice->bytes.get(), offset, length, &valid);
    if (!valid)
        out.error =
            co_await m_context.reportDamage("an L2 entry is not valid, guest offset", offset);
    co_return out;
}

Task<int> ClusterMap::entries(uint64_t guestCluster, uint64_t* values, uint64_t count) {
    bool own;
    if (tableOf(guestCluster, &own) == 0) {
        std::fill_n(values, count, 0);
        co_return 0;
    }
    TableCache::Lookup lookup = co_await sliceOf(guestCluster);
    if (!lookup.slice)
        co_return lookup.error;
    const uint8_t* at = lookup.slice->bytes.get() + guestCluster % m_sliceEntries * 8;
    bool valid = true;
    for (uint64_t i = 0; i < count; ++i) {
        values[i] = loadBe<uint64_t>(at + i * 8);
        valid = valid && isValid(values[i]);
    }
    if (valid)
        co_return 0;
    int error = co_await m_context.reportDamage("an L2 entry is not valid, guest offset",
                                                guestCluster << m_context.header.clusterBits);
    co_return error;
}

Task<int> ClusterMap::makeTableWritable(uint64_t guestCluster, uint64_t* given) {
    *given = 0;
    const uint64_t index = guestCluster / m_tableEntries;
    bool own;
    if (tableOf(guestCluster, &own) != 0 && own)
        co_return 0;
    AsyncLock lock = co_await m_tableMutex.lock();
    const uint64_t old = tableOf(guestCluster, &own);
    if (old != 0 && own) // somebody else was first
        co_return 0;
    if (old != 0 && (m_context.offsetInCluster(old) != 0 || old >= m_context.fileEndBytes)) {
        int damaged = co_await m_context.reportDamage("an L2 table is misplaced", old);
        co_return damaged;
    }
    const uint64_t clusterBytes = m_context.clusterBytes();
    OwnedBytes bytes = allocateZeroes(clusterBytes);
    int error = 0;
    if (old != 0) // shared with an internal snapshot, therefore as it is in the file
        error = co_await m_context.file.read(old, bytes.get(), clusterBytes);
    if (error != 0)
        co_return error;
    Refcounts::Allocation space = co_await m_refcounts.allocate(1, Refcounts::Amount::Exactly);
    if (space.error != 0)
        co_return space.error;
    const uint64_t offset = space.firstCluster << m_context.header.clusterBits;
    m_context.metadata.add(MetadataKind::ActiveL2, space.firstCluster, 1);
    m_l2.forget(offset, clusterBytes);
    error =
        co_await m_context.writeMetadata(MetadataKind::ActiveL2, offset, bytes.get(), clusterBytes);
    if (error != 0) {
        m_context.metadata.remove(space.firstCluster, 1);
        int freed = co_await m_refcounts.change(space.firstCluster, 1, -1);
        co_return freed != 0 && error == 0 ? freed : error;
    }
    m_l1[index] = offset | kCopied;
    m_dirtyL1.insert(index / kL1PartEntries);
    if (old != 0) {
        m_l2.forget(old, clusterBytes);
        m_context.metadata.remove(m_context.clusterOf(old), 1);
        *given = m_context.clusterOf(old);
    }
    co_return 0;
}

Task<int> ClusterMap::store(uint64_t guestCluster, const uint64_t* values, uint64_t count) {
    TableCache::Lookup lookup = co_await sliceOf(guestCluster);
    if (!lookup.slice)
        co_return lookup.error;
    uint8_t* at = lookup.slice->bytes.get() + guestCluster % m_sliceEntries * 8;
    for (uint64_t i = 0; i < count; ++i)
        storeBe<uint64_t>(at + i * 8, values[i]);
    m_l2.markDirty(*lookup.slice);
    co_return 0;
}

ClusterMap::Pending ClusterMap::takeDirty() {
    Pending pending;
    pending.slices = m_l2.takeDirty();
    for (uint64_t part : m_dirtyL1) {
        const uint64_t first = part * kL1PartEntries;
        const uint64_t count = std::min<uint64_t>(kL1PartEntries, m_l1.size() - first);
        Pending::L1Part& out = pending.l1.emplace_back();
        out.firstIndex = first;
        for (uint64_t i = 0; i < count; ++i)
            out.entries.push_back(byteSwap(m_l1[first + i]));
    }
    m_dirtyL1.clear();
    return pending;
}

Task<int> ClusterMap::write(Pending& pending) {
    int error = co_await m_l2.write(pending.slices);
    for (Pending::L1Part& part : pending.l1) {
        if (error == 0)
            error = co_await m_context.writeMetadata(
                MetadataKind::ActiveL1, m_context.header.l1Offset + part.firstIndex * 8,
                part.entries.data(), part.entries.size() * 8);
        if (error != 0)
            m_dirtyL1.insert(part.firstIndex / kL1PartEntries);
    }
    co_return error;
}

void ClusterMap::putBack(Pending& pending) {
    m_l2.putBack(pending.slices);
    for (Pending::L1Part& part : pending.l1)
        m_dirtyL1.insert(part.firstIndex / kL1PartEntries);
}

} // namespace vivarium::qcow2
