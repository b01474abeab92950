#include "vmm/disk/qcow2/image.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

Task<int> Image::setBacking(std::string name, std::string format) {
    int error = co_await flush();
    if (error == 0)
        error = co_await m_context.writeBacking(std::move(name), std::move(format));
    co_return error;
}

Task<int> Image::resize(uint64_t newBytes, BelowReader* below) {
    const uint64_t oldBytes = diskBytes();
    if (newBytes == oldBytes)
        co_return 0;
    if (newBytes % kSectorBytes != 0 || newBytes > kMaxDiskBytes)
        co_return EFBIG;
    int error = 0;
    if (newBytes < oldBytes) {
        if (m_context.header.snapshotCount > 0)
            co_return EBUSY;
        // The new end may be inside a cluster, whose rest must read as zeroes if the disk grows
        // again.
        error = co_await clear(newBytes, oldBytes - newBytes, Clear::Zero, below);
    } else {
        error = co_await growL1(m_context.header.l1EntriesFor(newBytes));
    }
    if (error == 0)
        error = co_await close(); // the mapping is on the medium before the size is
    if (error != 0)
        co_return error;
    uint8_t size[8];
    storeBe<uint64_t>(size, newBytes);
    error = co_await m_context.writeMetadata(MetadataKind::Header, 24, size, sizeof size);
    if (error == 0)
        error = co_await m_context.sync();
    if (error != 0)
        co_return error;
    m_context.header.diskBytes = newBytes;
    if (newBytes > oldBytes) {
        // What the old last cluster, or a longer backing file, has there is not the guest's.
        const uint64_t unknownEnd = below ? newBytes : std::min(clusterEnd(oldBytes), newBytes);
        error = co_await clear(oldBytes, unknownEnd - oldBytes, Clear::Zero, below);
        if (error == 0)
            error = co_await close();
    }
    co_return error;
}

// A longer L1 table is a new one: the header points to it once it and its refcounts are durable.
Task<int> Image::growL1(uint64_t entries) {
    const std::vector<uint64_t>& old = m_map.l1();
    if (entries <= old.size())
        co_return 0;
    if (entries * 8 > kMaxL1Bytes)
        co_return EFBIG;
    int error = co_await close();
    if (error != 0)
        co_return error;
    const uint64_t clusterBytes = m_context.clusterBytes();
    const uint64_t clusters = (entries * 8 + clusterBytes - 1) / clusterBytes;
    entries = std::min(clusters * clusterBytes, kMaxL1Bytes) / 8; // all that has room
    Refcounts::Allocation space =
        co_await m_refcounts.allocate(clusters, Refcounts::Amount::Exactly);
    if (space.error != 0)
        co_return space.error;
    m_context.metadata.add(MetadataKind::ActiveL1, space.firstCluster, clusters);
    std::vector<uint64_t> table = old;
    table.resize(clusters * clusterBytes / 8);
    std::vector<uint64_t> swapped = table;
    for (uint64_t& entry : swapped)
        entry = byteSwap(entry);
    const uint64_t offset = space.firstCluster << m_context.header.clusterBits;
    error = co_await m_context.writeMetadata(MetadataKind::ActiveL1, offset, swapped.data(),
                                             swapped.size() * 8);
    if (error == 0)
        error = co_await writeBack(); // the refcounts, and a sync
    if (error == 0) {
        uint8_t place[12];
        storeBe<uint32_t>(&place[0], static_cast<uint32_t>(entries));
        storeBe<uint64_t>(&place[4], offset);
        error = co_await m_context.writeMetadata(MetadataKind::Header, 36, place, sizeof place);
    }
    if (error == 0)
        error = co_await m_context.sync();
    if (error != 0)
        co_return error;
    table.resize(entries);
    const uint64_t oldOffset = m_context.header.l1Offset;
    const uint64_t oldClusters =
        (uint64_t{m_context.header.l1Entries} * 8 + clusterBytes - 1) / clusterBytes;
    m_context.header.l1Offset = offset;
    m_context.header.l1Entries = static_cast<uint32_t>(entries);
    m_map.replaceL1(std::move(table));
    if (oldClusters > 0) {
        m_context.metadata.remove(m_context.clusterOf(oldOffset), oldClusters);
        giveUp(m_context.clusterOf(oldOffset), oldClusters);
    }
    co_return 0;
}

Task<int> Image::allocateAll() {
    const uint64_t clusters = (diskBytes() + clusterBytes() - 1) / clusterBytes();
    const unsigned bits = m_context.header.clusterBits;
    std::vector<uint64_t> old, entries;
    uint64_t end = 0;
    for (uint64_t cluster = 0; cluster < clusters;) {
        int error = co_await throttle();
        if (error != 0)
            co_return error;
        uint64_t count = std::min(clusters - cluster, m_map.clustersLeftInSlice(cluster));
        old.resize(count);
        error = co_await m_map.entries(cluster, old.data(), count);
        if (error == 0 && std::any_of(old.begin(), old.end(), [](uint64_t e) { return e != 0; }))
            error = EEXIST; // only for new images
        if (error == 0)
            error = co_await prepareTable(cluster);
        if (error != 0)
            co_return error;
        Refcounts::Allocation space =
            co_await m_refcounts.allocate(count, Refcounts::Amount::AtMost);
        if (space.error != 0)
            co_return space.error;
        entries.resize(space.count);
        for (uint64_t i = 0; i < space.count; ++i)
            entries[i] = ((space.firstCluster + i) << bits) | kCopied;
        error = co_await storeEntries(cluster, entries.data(), old.data(), space.count);
        if (error != 0)
            co_return error;
        end = std::max(end, (space.firstCluster + space.count) << bits);
        cluster += space.count;
    }
    // Data clusters lie inside the file, which other programs check.
    if (m_file->sizeBytes() < end) {
        int error = m_file->truncate(end);
        ++m_context.completedWrites;
        if (error != 0)
            co_return error;
    }
    int error = co_await close();
    co_return error;
}

} // namespace vivarium::qcow2
