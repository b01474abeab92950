#include "vmm/disk/qcow2/image.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

// Clusters of one L2 slice that get new places in a row.
struct Image::Run {
    uint64_t firstCluster = 0;
    std::vector<uint64_t> old; // their entries
    uint64_t begin = 0;        // the guest bytes that are written
    uint64_t end = 0;
    IoBuffers data;
    uint64_t reuse = 0; // the host cluster to write to; 0: allocate
    uint64_t writtenClusters = 0;
};

Task<int> Image::write(uint64_t offset, IoBuffers data, BelowReader* below) {
    if (data.bytes() == 0)
        co_return 0;
    if (!m_context.writable)
        co_return m_context.damage.empty() ? EROFS : EIO;
    Ticket ticket(*this);
    const uint64_t begin = offset & ~(m_context.clusterBytes() - 1);
    const uint64_t end = clusterEnd(offset + data.bytes() - 1);
    uint64_t done = 0;
    int error = 0;
    {
        RangeLocks::Held held = co_await m_locks.lock(begin, end, RangeLocks::Mode::Shared);
        GuestExtent extent;
        if (findInPlace(offset, data.bytes(), &extent)) { // once a disk is filled: nearly always
            error = co_await m_file->write(extent.entry.hostOffset, data);
            ++m_context.completedWrites;
            co_return error;
        }
        error = co_await writeInPlace(offset, data, &done);
    }
    if (error != 0 || done == data.bytes())
        co_return error;
    error = co_await throttle();
    if (error != 0)
        co_return error;
    const uint64_t rest = (offset + done) & ~(m_context.clusterBytes() - 1);
    RangeLocks::Held held = co_await m_locks.lock(rest, end, RangeLocks::Mode::Exclusive);
    error = co_await writeAllocating(offset + done, data.slice(done, data.bytes() - done), below);
    co_return error;
}

// Writes the leading bytes whose clusters have places of their own; stops before the first that has
// not.
Task<int> Image::writeInPlace(uint64_t offset, const IoBuffers& data, uint64_t* done) {
    IoGroup group;
    int error = 0;
    while (*done < data.bytes()) {
        GuestExtent extent;
        const uint64_t left = data.bytes() - *done;
        if (!m_map.findCached(offset + *done, left, &extent)) {
            ClusterMap::Lookup lookup = co_await m_map.find(offset + *done, left);
            error = lookup.error;
            if (error != 0)
                break;
            extent = lookup.extent;
        }
        if (extent.entry.kind != ClusterEntry::Kind::Data || !extent.entry.writable)
            break;
        const uint64_t host = extent.entry.hostOffset;
        if (needsCheck(extent)) {
            const uint64_t first = m_context.clusterOf(host);
            const uint64_t last = m_context.clusterOf(host + extent.lengthBytes - 1);
            error = co_await checkPlace(first, last - first + 1);
            if (error != 0)
                break;
        }
        group.start(*m_file, IoOp::Kind::Write, host, data.slice(*done, extent.lengthBytes));
        *done += extent.lengthBytes;
    }
    int written = co_await group;
    ++m_context.completedWrites;
    co_return error != 0 ? error : written;
}

// Whether all of a row has places of its own that are known to be fine without looking further.
bool Image::findInPlace(uint64_t offset, uint64_t length, GuestExtent* extent) {
    return m_map.findCached(offset, length, extent) && extent->lengthBytes == length &&
           extent->entry.kind == ClusterEntry::Kind::Data && extent->entry.writable &&
           !needsCheck(*extent);
}

bool Image::needsCheck(const GuestExtent& extent) const {
    const uint64_t end = extent.entry.hostOffset + extent.lengthBytes;
    const uint64_t first = m_context.clusterOf(extent.entry.hostOffset);
    const uint64_t last = m_context.clusterOf(end - 1);
    return m_context.metadata.intersects(first, last - first + 1) || end > m_context.fileEndBytes;
}

// Whether data may be written to clusters that the mapping names. After the end of the file they
// are as good as others (and read as zeroes) as long as they are counted: a file that lost its end
// to a copy, or that another program has not filled yet.
Task<int> Image::checkPlace(uint64_t firstCluster, uint64_t count) {
    const uint64_t host = firstCluster << m_context.header.clusterBits;
    const uint64_t end = (firstCluster + count) << m_context.header.clusterBits;
    bool fine = !m_context.metadata.intersects(firstCluster, count);
    for (uint64_t cluster = firstCluster; fine && cluster < firstCluster + count; ++cluster) {
        if (cluster << m_context.header.clusterBits < m_context.fileEndBytes)
            continue;
        Refcounts::Value value = co_await m_refcounts.get(cluster);
        if (value.error != 0)
            co_return value.error;
        fine = value.count != 0;
    }
    if (fine) {
        m_context.fileEndBytes = std::max(m_context.fileEndBytes, end);
        co_return 0;
    }
    int damaged = co_await m_context.reportDamage("a data cluster is misplaced", host);
    co_return damaged;
}

Task<int> Image::writeAllocating(uint64_t offset, const IoBuffers& data, BelowReader* below) {
    uint64_t done = 0;
    while (done < data.bytes()) {
        uint64_t inPlace = 0; // somebody may have allocated while the lock was waited for
        int error =
            co_await writeInPlace(offset + done, data.slice(done, data.bytes() - done), &inPlace);
        done += inPlace;
        if (error != 0 || done == data.bytes())
            co_return error;
        Run run;
        run.begin = offset + done;
        run.firstCluster = m_context.clusterOf(run.begin);
        const uint64_t lastCluster = m_context.clusterOf(offset + data.bytes() - 1);
        const uint64_t count = std::min(lastCluster - run.firstCluster + 1,
                                        m_map.clustersLeftInSlice(run.firstCluster));
        run.old.resize(count);
        error = co_await m_map.entries(run.firstCluster, run.old.data(), count);
        if (error != 0)
            co_return error;
        const ClusterEntry first = m_map.decode(run.old[0]);
        if (first.writable) { // reads as zeroes, but has a place
            run.reuse = first.hostOffset;
            run.old.resize(1);
        }
        for (size_t i = 1; i < run.old.size(); ++i)
            if (m_map.decode(run.old[i]).writable)
                run.old.resize(i);
        run.end = std::min(offset + data.bytes(), (run.firstCluster + run.old.size())
                                                      << m_context.header.clusterBits);
        run.data = data.slice(done, run.end - run.begin);
        error = co_await prepareTable(run.firstCluster);
        if (error == 0)
            error = co_await writeRun(run, below);
        if (error != 0)
            co_return error;
        done = std::min(((run.firstCluster + run.writtenClusters) << m_context.header.clusterBits) -
                            offset,
                        data.bytes());
    }
    co_return 0;
}

// Gives a run its places, writes the data and what surrounds them in their clusters, then maps it.
Task<int> Image::writeRun(Run& run, BelowReader* below) {
    const unsigned bits = m_context.header.clusterBits;
    Refcounts::Allocation space{m_context.clusterOf(run.reuse), 1, false, 0};
    if (run.reuse == 0) {
        space = co_await m_refcounts.allocate(run.old.size(), Refcounts::Amount::AtMost);
        if (space.error != 0)
            co_return space.error;
    } else {
        int misplaced = co_await checkPlace(space.firstCluster, 1);
        if (misplaced != 0)
            co_return misplaced;
    }
    run.writtenClusters = space.count;
    const uint64_t runBegin = run.firstCluster << bits;
    const uint64_t runEnd = runBegin + (space.count << bits);
    const uint64_t end = std::min(run.end, runEnd);
    IoBuffers whole;
    const uint64_t headBytes = run.begin - runBegin;
    const uint64_t tailBytes = runEnd - end;
    OwnedBytes head, tail;
    bool headZero = true;
    bool tailZero = true;
    int error = 0;
    if (headBytes > 0) {
        head = allocateBytes(headBytes);
        error = co_await readOld(run.old[0], runBegin, IoBuffers(head.get(), headBytes), below,
                                 &headZero);
    }
    if (error == 0 && tailBytes > 0) {
        tail = allocateBytes(tailBytes);
        error = co_await readOld(run.old[space.count - 1], end, IoBuffers(tail.get(), tailBytes),
                                 below, &tailZero);
    }
    uint64_t host = space.firstCluster << bits;
    // What was never written reads as zeroes already.
    if (headBytes > 0 && !(headZero && space.fresh)) {
        if (headZero)
            std::memset(head.get(), 0, headBytes);
        whole.append(head.get(), headBytes);
    } else {
        host += headBytes;
    }
    whole.append(run.data.slice(0, end - run.begin));
    if (tailBytes > 0 && !(tailZero && space.fresh)) {
        if (tailZero)
            std::memset(tail.get(), 0, tailBytes);
        whole.append(tail.get(), tailBytes);
    }
    if (error == 0)
        error = co_await m_file->write(host, whole);
    ++m_context.completedWrites;
    if (error == 0) {
        std::vector<uint64_t> entries(space.count);
        for (uint64_t i = 0; i < space.count; ++i)
            entries[i] = ((space.firstCluster + i) << bits) | kCopied;
        error =
            co_await storeEntries(run.firstCluster, entries.data(), run.old.data(), space.count);
    }
    if (error != 0 && run.reuse == 0 && m_context.writable) {
        int freed = co_await m_refcounts.change(space.firstCluster, space.count, -1);
        static_cast<void>(freed); // at worst a leak
    }
    co_return error;
}

Task<int> Image::readOld(uint64_t entry, uint64_t offset, IoBuffers buffers, BelowReader* below,
                         bool* zero) {
    const ClusterEntry old = m_map.decode(entry);
    *zero = false;
    int error = 0;
    switch (old.kind) {
    case ClusterEntry::Kind::Unallocated:
        if (below && offset < diskBytes())
            error = co_await below->readBelow(offset, buffers, zero);
        else
            *zero = true;
        break;
    case ClusterEntry::Kind::Zero:
        *zero = true;
        break;
    case ClusterEntry::Kind::Data:
        error = co_await m_file->read(old.hostOffset + m_context.offsetInCluster(offset), buffers);
        break;
    case ClusterEntry::Kind::Compressed: {
        GuestExtent extent{old, buffers.bytes()};
        error = co_await readCompressed(extent, offset, buffers);
        break;
    }
    }
    co_return error;
}

Task<int> Image::prepareTable(uint64_t cluster) {
    uint64_t given = 0;
    int error = co_await m_map.makeTableWritable(cluster, &given);
    if (given != 0)
        giveUp(given, 1);
    co_return error;
}

// Maps clusters anew and gives up what they were.
Task<int> Image::storeEntries(uint64_t cluster, const uint64_t* entries, const uint64_t* old,
                              uint64_t count) {
    int error = co_await m_map.store(cluster, entries, count);
    if (error != 0)
        co_return error;
    for (uint64_t i = 0; i < count; ++i)
        if ((entries[i] & kOffsetMask) != (old[i] & kOffsetMask) || (old[i] & kCompressed))
            giveUpEntry(old[i]);
    co_return 0;
}

void Image::giveUp(uint64_t firstCluster, uint64_t count) {
    m_freed.push_back({firstCluster, count, ++m_sequence});
}

void Image::giveUpEntry(uint64_t entry) {
    const ClusterEntry old = m_map.decode(entry);
    if (old.hostOffset == 0)
        return;
    const uint64_t first = m_context.clusterOf(old.hostOffset);
    uint64_t last = first;
    if (old.kind == ClusterEntry::Kind::Compressed)
        last = m_context.clusterOf(old.hostOffset + old.packedBytes - 1);
    giveUp(first, last - first + 1);
}

Task<int> Image::clear(uint64_t offset, uint64_t length, Clear how, BelowReader* below) {
    if (length == 0)
        co_return 0;
    if (!m_context.writable)
        co_return m_context.damage.empty() ? EROFS : EIO;
    int error = co_await throttle();
    if (error != 0)
        co_return error;
    Ticket ticket(*this);
    const uint64_t clusterBytes = m_context.clusterBytes();
    const uint64_t end = offset + length;
    // The disk's last cluster is whole where the disk ends.
    const uint64_t wholeEnd =
        end >= diskBytes() ? alignUp(end, clusterBytes) : alignDown(end, clusterBytes);
    const uint64_t wholeBegin = alignUp(offset, clusterBytes);
    if (wholeBegin < wholeEnd) {
        RangeLocks::Held held =
            co_await m_locks.lock(wholeBegin, wholeEnd, RangeLocks::Mode::Exclusive);
        error = co_await clearClusters(m_context.clusterOf(wholeBegin),
                                       m_context.clusterOf(wholeEnd - wholeBegin), how, below);
        if (error == ENOTSUP) { // version 2 cannot say "zero" over a backing file
            held.release();
            error = 0;
            if (how == Clear::Zero)
                error = co_await clearPart(offset, length, below);
            co_return error;
        }
    }
    if (error != 0 || how == Clear::Discard)
        co_return error;
    if (wholeBegin >= wholeEnd) {
        error = co_await clearPart(offset, length, below);
        co_return error;
    }
    if (offset < wholeBegin)
        error = co_await clearPart(offset, wholeBegin - offset, below);
    if (error == 0 && end > wholeEnd)
        error = co_await clearPart(wholeEnd, end - wholeEnd, below);
    co_return error;
}

// Writes zeroes, but not where zeroes are read already.
Task<int> Image::clearPart(uint64_t offset, uint64_t length, BelowReader* below) {
    constexpr uint64_t kZeroesBytes = 64 * 1024;
    OwnedBytes zeroes = allocateZeroes(kZeroesBytes);
    while (length > 0) {
        ClusterMap::Lookup lookup = co_await m_map.find(offset, length);
        if (lookup.error != 0)
            co_return lookup.error;
        uint64_t bytes = lookup.extent.lengthBytes;
        const ClusterEntry::Kind kind = lookup.extent.entry.kind;
        if (kind != ClusterEntry::Kind::Zero &&
            !(kind == ClusterEntry::Kind::Unallocated && !below)) {
            bytes = std::min(bytes, kZeroesBytes);
            int error = co_await write(offset, IoBuffers(zeroes.get(), bytes), below);
            if (error != 0)
                co_return error;
        }
        offset += bytes;
        length -= bytes;
    }
    co_return 0;
}

Task<int> Image::clearClusters(uint64_t first, uint64_t count, Clear how, BelowReader* below) {
    // Unallocated reads as zeroes where nothing lies below.
    const bool canSayZero = m_context.header.version >= 3;
    if (below && !canSayZero)
        co_return ENOTSUP;
    const uint64_t cleared = below ? kZero : 0;
    std::vector<uint64_t> old, entries;
    while (count > 0) {
        GuestExtent row;
        const uint64_t offset = first << m_context.header.clusterBits;
        if (m_map.findCached(offset, count << m_context.header.clusterBits, &row) &&
            row.entry.kind == ClusterEntry::Kind::Unallocated &&
            (how == Clear::Discard || !below)) { // nothing to do in whole tables
            const uint64_t skip = std::max<uint64_t>(1, m_context.clusterOf(row.lengthBytes));
            first += std::min(skip, count);
            count -= std::min(skip, count);
            continue;
        }
        const uint64_t part = std::min(count, m_map.clustersLeftInSlice(first));
        old.resize(part);
        int error = co_await m_map.entries(first, old.data(), part);
        if (error != 0)
            co_return error;
        entries = old;
        bool changed = false;
        for (uint64_t i = 0; i < part; ++i) {
            const ClusterEntry::Kind kind = m_map.decode(old[i]).kind;
            const bool keep =
                kind == ClusterEntry::Kind::Unallocated
                    ? how == Clear::Discard || !below
                    : (kind == ClusterEntry::Kind::Zero && (old[i] & kOffsetMask) == 0);
            if (keep)
                continue;
            entries[i] = cleared;
            changed = true;
        }
        if (changed) {
            error = co_await prepareTable(first);
            if (error == 0)
                error = co_await storeEntries(first, entries.data(), old.data(), part);
            if (error != 0)
                co_return error;
        }
        first += part;
        count -= part;
    }
    co_return 0;
}

Task<int> Image::fill(uint64_t offset, uint64_t length, BelowReader& below) {
    if (!m_context.writable)
        co_return m_context.damage.empty() ? EROFS : EIO;
    const uint64_t clusterBytes = m_context.clusterBytes();
    const uint64_t end = std::min(offset + length, diskBytes());
    OwnedBytes bytes;
    int error = 0;
    for (uint64_t at = alignDown(offset, clusterBytes); at < end && error == 0;) {
        error = co_await throttle();
        if (error != 0)
            break;
        Ticket ticket(*this);
        RangeLocks::Held held =
            co_await m_locks.lock(at, at + clusterBytes, RangeLocks::Mode::Exclusive);
        uint64_t entry = 0;
        error = co_await m_map.entries(m_context.clusterOf(at), &entry, 1);
        if (error != 0)
            break;
        const uint64_t part = std::min(clusterBytes, diskBytes() - at);
        if (m_map.decode(entry).kind == ClusterEntry::Kind::Unallocated) {
            bool zero = false;
            if (!bytes)
                bytes = allocateBytes(clusterBytes);
            IoBuffers buffers(bytes.get(), part);
            error = co_await below.readBelow(at, buffers, &zero);
            if (error == 0 && zero) {
                error = co_await clearClusters(m_context.clusterOf(at), 1, Clear::Zero, &below);
                zero = error == 0;
                if (error == ENOTSUP) { // version 2: as bytes
                    std::memset(bytes.get(), 0, part);
                    error = 0;
                }
            }
            if (error == 0 && !zero)
                error = co_await writeAllocating(at, IoBuffers(bytes.get(), part), &below);
        }
        at += clusterBytes;
    }
    co_return error;
}

} // namespace vivarium::qcow2
