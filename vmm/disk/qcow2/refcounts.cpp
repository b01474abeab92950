#include "vmm/disk/qcow2/refcounts.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

namespace {

constexpr uint64_t kCacheBytes = 4 << 20;

} // namespace

uint64_t readRefcount(const uint8_t* block, uint64_t index, unsigned order) {
    switch (order) {
    case 3:
        return block[index];
    case 4:
        return loadBe<uint16_t>(block + index * 2);
    case 5:
        return loadBe<uint32_t>(block + index * 4);
    case 6:
        return loadBe<uint64_t>(block + index * 8);
    default: { // less than a byte: the first entry is in the lowest bits
        const unsigned bits = 1U << order;
        const unsigned perByte = 8 / bits;
        return block[index / perByte] >> (index % perByte * bits) & ((1U << bits) - 1);
    }
    }
}

void writeRefcount(uint8_t* block, uint64_t index, unsigned order, uint64_t value) {
    switch (order) {
    case 3:
        block[index] = static_cast<uint8_t>(value);
        return;
    case 4:
        storeBe<uint16_t>(block + index * 2, static_cast<uint16_t>(value));
        return;
    case 5:
        storeBe<uint32_t>(block + index * 4, static_cast<uint32_t>(value));
        return;
    case 6:
        storeBe<uint64_t>(block + index * 8, value);
        return;
    default: {
        const unsigned bits = 1U << order;
        const unsigned perByte = 8 / bits;
        const unsigned shift = static_cast<unsigned>(index % perByte) * bits;
        uint8_t& byte = block[index / perByte];
        byte = static_cast<uint8_t>((byte & ~(((1U << bits) - 1) << shift)) | value << shift);
    }
    }
}

uint64_t maxRefcount(unsigned order) {
    return order == 6 ? ~uint64_t{0} : (uint64_t{1} << (1U << order)) - 1;
}

Refcounts::Refcounts(ImageContext& context)
    : m_context(context), m_blocks(context, MetadataKind::RefcountBlock, kCacheBytes),
      m_order(context.header.refcountOrder), m_blockEntries(context.clusterBytes() * 8 >> m_order),
      m_sliceEntries(m_blocks.sliceBytes() * 8 >> m_order), m_mutex(context.loop),
      m_writeMutex(context.loop) {}

Task<int> Refcounts::load() {
    const uint64_t bytes = uint64_t{m_context.header.refcountTableClusters}
                           << m_context.header.clusterBits;
    m_table.resize(bytes / 8);
    int error =
        co_await m_context.file.read(m_context.header.refcountTableOffset, m_table.data(), bytes);
    for (uint64_t& entry : m_table)
        entry = byteSwap(entry);
    co_return error;
}

Task<TableCache::Lookup> Refcounts::sliceOf(uint64_t cluster) {
    const uint64_t index = cluster / m_blockEntries;
    const uint64_t block = index < m_table.size() ? m_table[index] & kRefcountOffsetMask : 0;
    if (block == 0 || m_context.offsetInCluster(block) != 0 || block >= m_context.fileEndBytes) {
        int error = co_await m_context.reportDamage("a refcount block is misplaced", block);
        co_return TableCache::Lookup{nullptr, error};
    }
    const uint64_t slice = cluster % m_blockEntries / m_sliceEntries;
    TableCache::Lookup lookup = co_await m_blocks.get(block + slice * m_blocks.sliceBytes());
    co_return lookup;
}

Task<Refcounts::Value> Refcounts::get(uint64_t cluster) {
    const uint64_t index = cluster / m_blockEntries;
    if (index >= m_table.size() || (m_table[index] & kRefcountOffsetMask) == 0)
        co_return Value{0, 0};
    TableCache::Lookup lookup = co_await sliceOf(cluster);
    if (!lookup.slice)
        co_return Value{0, lookup.error};
    co_return Value{readRefcount(lookup.slice->bytes.get(), indexInSlice(cluster), m_order), 0};
}

Task<Refcounts::Allocation> Refcounts::allocate(uint64_t count, Amount amount) {
    AsyncLock lock = co_await m_mutex.lock();
    Allocation found = co_await findFree(count, amount);
    if (found.error != 0)
        co_return found;
    if (m_context.metadata.intersects(found.firstCluster, found.count)) {
        found.error = co_await m_context.reportDamage(
            "metadata are marked as free", found.firstCluster << m_context.header.clusterBits);
        co_return found;
    }
    found.error = co_await setRange(found.firstCluster, found.count);
    if (found.error != 0)
        co_return found;
    const uint64_t offset = found.firstCluster << m_context.header.clusterBits;
    found.fresh = offset >= m_context.fileEndBytes;
    m_context.fileEndBytes =
        std::max(m_context.fileEndBytes, offset + (found.count << m_context.header.clusterBits));
    co_return found;
}

Task<Refcounts::Allocation> Refcounts::findFree(uint64_t count, Amount amount) {
    uint64_t cluster = m_firstFree;
    uint64_t first = 0;
    uint64_t run = 0;
    bool seenFree = false; // then m_firstFree is known
    const uint64_t limit = kMaxHostOffset >> m_context.header.clusterBits;
    while (run < count) {
        if (cluster >= limit)
            co_return Allocation{0, 0, false, EFBIG};
        const uint64_t block = cluster / m_blockEntries;
        if (block >= m_table.size() || (m_table[block] & kRefcountOffsetMask) == 0) {
            if (run > 0 && amount == Amount::AtMost)
                break;
            int error = block >= m_table.size() ? co_await growTable(block)
                                                : co_await createBlock(block, cluster);
            if (error != 0)
                co_return Allocation{0, 0, false, error};
            run = 0; // that took clusters out of the row
            continue;
        }
        TableCache::Lookup lookup = co_await sliceOf(cluster);
        if (!lookup.slice)
            co_return Allocation{0, 0, false, lookup.error};
        bool ended = false;
        for (uint64_t i = indexInSlice(cluster); i < m_sliceEntries && run < count;
             ++i, ++cluster) {
            if (readRefcount(lookup.slice->bytes.get(), i, m_order) == 0) {
                if (!seenFree)
                    m_firstFree = cluster;
                seenFree = true;
                first = run++ == 0 ? cluster : first;
                continue;
            }
            ended = run > 0 && amount == Amount::AtMost;
            if (ended)
                break;
            run = 0;
        }
        if (ended)
            break;
    }
    if (first == m_firstFree)
        m_firstFree = first + run;
    co_return Allocation{first, run, false, 0};
}

Task<int> Refcounts::setRange(uint64_t firstCluster, uint64_t count) {
    for (uint64_t i = 0; i < count;) {
        TableCache::Lookup lookup = co_await sliceOf(firstCluster + i);
        if (!lookup.slice)
            co_return lookup.error;
        for (uint64_t at = indexInSlice(firstCluster + i); at < m_sliceEntries && i < count;
             ++at, ++i)
            writeRefcount(lookup.slice->bytes.get(), at, m_order, 1);
        m_blocks.markDirty(*lookup.slice);
    }
    co_return 0;
}

Task<int> Refcounts::change(uint64_t firstCluster, uint64_t count, int delta) {
    AsyncLock lock = co_await m_mutex.lock();
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t cluster = firstCluster + i;
        const uint64_t index = cluster / m_blockEntries;
        uint64_t value = 0;
        TableCache::Lookup lookup{nullptr, 0};
        if (index < m_table.size() && (m_table[index] & kRefcountOffsetMask) != 0) {
            lookup = co_await sliceOf(cluster);
            if (!lookup.slice)
                co_return lookup.error;
            value = readRefcount(lookup.slice->bytes.get(), indexInSlice(cluster), m_order);
        }
        if (delta > 0 && value != 0 && value == maxRefcount(m_order))
            co_return ERANGE;
        if (value == 0) { // both ways: a cluster in use must have been counted
            int error = co_await m_context.reportDamage("a cluster in use has refcount 0",
                                                        cluster << m_context.header.clusterBits);
            co_return error;
        }
        value = delta > 0 ? value + 1 : value - 1;
        writeRefcount(lookup.slice->bytes.get(), indexInSlice(cluster), m_order, value);
        m_blocks.markDirty(*lookup.slice);
        if (value == 0)
            m_firstFree = std::min(m_firstFree, cluster);
    }
    co_return 0;
}

Task<int> Refcounts::set(uint64_t cluster, uint64_t value) {
    AsyncLock lock = co_await m_mutex.lock();
    if (value > maxRefcount(m_order))
        co_return ERANGE;
    const uint64_t block = cluster / m_blockEntries;
    while (block >= m_table.size() || (m_table[block] & kRefcountOffsetMask) == 0) {
        if (value == 0)
            co_return 0;
        if (block >= m_table.size()) {
            int error = co_await growTable(block);
            if (error != 0)
                co_return error;
            continue;
        }
        // In repair nothing is known about free clusters but that they come after the end.
        const uint64_t at =
            (m_context.fileEndBytes + m_context.clusterBytes() - 1) >> m_context.header.clusterBits;
        const uint64_t home = at / m_blockEntries;
        int error = 0;
        if (home < m_table.size() && (m_table[home] & kRefcountOffsetMask) == 0 && home != block)
            error = co_await createBlock(home, at); // the new block's own count needs a place first
        else if (home >= m_table.size())
            error = co_await growTable(home);
        else
            error = co_await createBlock(block, at);
        if (error != 0)
            co_return error;
    }
    TableCache::Lookup lookup = co_await sliceOf(cluster);
    if (!lookup.slice)
        co_return lookup.error;
    writeRefcount(lookup.slice->bytes.get(), indexInSlice(cluster), m_order, value);
    m_blocks.markDirty(*lookup.slice);
    if (value == 0)
        m_firstFree = std::min(m_firstFree, cluster);
    co_return 0;
}

void Refcounts::dropBlock(uint64_t index) {
    m_table[index] = 0;
    m_dirtyTable.insert(index);
}

// A new block for refcounts blockIndex * entries ...; it lies in `cluster`, whose own refcount is
// in it or in a block that exists.
Task<int> Refcounts::createBlock(uint64_t blockIndex, uint64_t cluster) {
    const uint64_t offset = cluster << m_context.header.clusterBits;
    if (!m_context.metadata.add(MetadataKind::RefcountBlock, cluster, 1)) {
        int damaged = co_await m_context.reportDamage("metadata are marked as free", offset);
        co_return damaged;
    }
    OwnedBytes zeroes = allocateZeroes(m_context.clusterBytes());
    m_blocks.forget(offset, m_context.clusterBytes()); // left from an earlier life of the cluster
    m_context.fileEndBytes = std::max(m_context.fileEndBytes, offset + m_context.clusterBytes());
    int error = co_await m_context.writeMetadata(MetadataKind::RefcountBlock, offset, zeroes.get(),
                                                 m_context.clusterBytes());
    if (error != 0) {
        m_context.metadata.remove(cluster, 1);
        co_return error;
    }
    m_table[blockIndex] = offset;
    m_dirtyTable.insert(blockIndex);
    error = co_await setRange(cluster, 1);
    co_return error;
}

// Makes the table long enough for entry `blockIndex`. The new table and the blocks for its own
// clusters go to the start of that block's range, where nothing can be: no refcount exists for it.
// The order of writes: everything new, then the header that points to it, then the old table is
// free.
Task<int> Refcounts::growTable(uint64_t blockIndex) {
    const uint64_t clusterBytes = m_context.clusterBytes();
    if (m_context.repairing) { // what has no refcount may be in use all the same
        const uint64_t end = (m_context.fileEndBytes + clusterBytes - 1) / clusterBytes;
        blockIndex = std::max(blockIndex, (end + m_blockEntries - 1) / m_blockEntries);
    }
    const uint64_t first = blockIndex * m_blockEntries;
    uint64_t blocks = 1;
    uint64_t tableClusters = 0;
    uint64_t entries = 0;
    for (;;) { // blocks and table count themselves
        entries = std::max(blockIndex + blocks + 1, (blockIndex + blocks) * 3 / 2);
        tableClusters = (entries * 8 + clusterBytes - 1) / clusterBytes;
        const uint64_t needed = (blocks + tableClusters + m_blockEntries - 1) / m_blockEntries;
        if (needed <= blocks)
            break;
        blocks = needed;
    }
    entries = tableClusters * clusterBytes / 8;
    if (tableClusters * clusterBytes > kMaxRefcountTableBytes)
        co_return EFBIG;
    AsyncLock writeLock = co_await m_writeMutex.lock();
    int error = co_await writeBackLocked();
    if (error != 0)
        co_return error;
    if (m_context.metadata.intersects(first, blocks + tableClusters)) {
        error = co_await m_context.reportDamage("metadata without refcounts",
                                                first << m_context.header.clusterBits);
        co_return error;
    }
    m_context.metadata.add(MetadataKind::RefcountBlock, first, blocks);
    m_context.metadata.add(MetadataKind::RefcountTable, first + blocks, tableClusters);
    const uint64_t firstOffset = first << m_context.header.clusterBits;
    const uint64_t tableOffset = firstOffset + blocks * clusterBytes;

    std::vector<uint8_t> blockBytes(blocks * clusterBytes);
    for (uint64_t i = 0; i < blocks + tableClusters; ++i)
        writeRefcount(&blockBytes[i / m_blockEntries * clusterBytes], i % m_blockEntries, m_order,
                      1);
    std::vector<uint64_t> table = m_table;
    table.resize(entries);
    for (uint64_t i = 0; i < blocks; ++i)
        table[blockIndex + i] = firstOffset + i * clusterBytes;
    std::vector<uint64_t> swapped = table;
    for (uint64_t& entry : swapped)
        entry = byteSwap(entry);
    m_blocks.forget(firstOffset, blocks * clusterBytes);
    error = co_await m_context.writeMetadata(MetadataKind::RefcountBlock, firstOffset,
                                             blockBytes.data(), blockBytes.size());
    if (error == 0)
        error = co_await m_context.writeMetadata(MetadataKind::RefcountTable, tableOffset,
                                                 swapped.data(), swapped.size() * 8);
    if (error == 0)
        error = co_await m_context.sync();
    const uint64_t oldOffset = m_context.header.refcountTableOffset;
    const uint32_t oldClusters = m_context.header.refcountTableClusters;
    if (error == 0) {
        uint8_t place[12];
        storeBe<uint64_t>(&place[0], tableOffset);
        storeBe<uint32_t>(&place[8], static_cast<uint32_t>(tableClusters));
        error = co_await m_context.writeMetadata(MetadataKind::Header, 48, place, sizeof place);
    }
    if (error == 0)
        error = co_await m_context.sync();
    if (error != 0) {
        m_context.metadata.remove(first, blocks + tableClusters);
        co_return error;
    }
    m_context.header.refcountTableOffset = tableOffset;
    m_context.header.refcountTableClusters = static_cast<uint32_t>(tableClusters);
    m_table = std::move(table);
    writeLock.release();

    const uint64_t oldFirst = m_context.clusterOf(oldOffset);
    m_context.metadata.remove(oldFirst, oldClusters);
    for (uint64_t i = 0; i < oldClusters && !m_context.repairing; ++i) { // m_mutex is held
        TableCache::Lookup lookup = co_await sliceOf(oldFirst + i);
        if (!lookup.slice)
            co_return lookup.error;
        writeRefcount(lookup.slice->bytes.get(), indexInSlice(oldFirst + i), m_order, 0);
        m_blocks.markDirty(*lookup.slice);
    }
    if (oldClusters > 0)
        m_firstFree = std::min(m_firstFree, oldFirst);
    co_return 0;
}

Task<int> Refcounts::writeBack() {
    AsyncLock lock = co_await m_writeMutex.lock();
    int error = co_await writeBackLocked();
    co_return error;
}

Task<int> Refcounts::writeBackLocked() {
    std::set<uint64_t> entries;
    entries.swap(m_dirtyTable);
    std::vector<TableCache::Pending> pending = m_blocks.takeDirty();
    int error = co_await m_blocks.write(pending);
    if (error == 0 && !entries.empty())
        error = co_await m_context.sync(); // an entry must not point to a block that is not there
    for (uint64_t index : entries) {
        if (error != 0) {
            m_dirtyTable.insert(index);
            continue;
        }
        const uint64_t swapped = byteSwap(m_table[index]);
        error = co_await m_context.writeMetadata(MetadataKind::RefcountTable,
                                                 m_context.header.refcountTableOffset + index * 8,
                                                 &swapped, sizeof swapped);
        if (error != 0)
            m_dirtyTable.insert(index);
    }
    co_return error;
}

} // namespace vivarium::qcow2
