#include "vmm/disk/qcow2/image.h"

#include "vmm/disk/qcow2/compression.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

Task<int> Image::readCompressed(GuestExtent extent, uint64_t offset, IoBuffers buffers) {
    const uint64_t clusterBytes = m_context.clusterBytes();
    const uint64_t host = extent.entry.hostOffset;
    const uint64_t packedBytes = extent.entry.packedBytes;
    const uint64_t inCluster = m_context.offsetInCluster(offset);
    if (inCluster + buffers.bytes() > clusterBytes)
        co_return EINVAL;
    if (m_unpacked && m_unpackedAt == host && m_unpackedBytes == packedBytes) {
        buffers.copyFrom(m_unpacked.get() + inCluster);
        co_return 0;
    }
    if (host >= m_context.fileEndBytes)
        co_return EIO;
    OwnedBytes packed = allocateBytes(packedBytes);
    int error = co_await m_file->read(host, packed.get(), packedBytes);
    if (error != 0)
        co_return error;
    OwnedBytes cluster = allocateBytes(clusterBytes);
    if (!decompressCluster(m_context.header.compression, {packed.get(), packedBytes},
                           {cluster.get(), clusterBytes}))
        co_return EIO; // one cluster's data are lost; the tables are fine
    buffers.copyFrom(cluster.get() + inCluster);
    m_unpacked = std::move(cluster);
    m_unpackedAt = host;
    m_unpackedBytes = packedBytes;
    co_return 0;
}

Task<int> Image::writeCompressed(uint64_t offset, const uint8_t* cluster) {
    if (!m_context.writable)
        co_return m_context.damage.empty() ? EROFS : EIO;
    const unsigned bits = m_context.header.clusterBits;
    const uint64_t clusterBytes = m_context.clusterBytes();
    std::vector<uint8_t> packed =
        compressCluster(m_context.header.compression, {cluster, clusterBytes});
    if (packed.empty()) {
        OwnedBytes copy = allocateBytes(clusterBytes);
        std::memcpy(copy.get(), cluster, clusterBytes);
        const uint64_t bytes = std::min(clusterBytes, diskBytes() - offset);
        int error = co_await write(offset, IoBuffers(copy.get(), bytes), nullptr);
        co_return error;
    }
    int error = co_await throttle();
    if (error != 0)
        co_return error;
    Ticket ticket(*this);
    RangeLocks::Held held =
        co_await m_locks.lock(offset, offset + clusterBytes, RangeLocks::Mode::Exclusive);
    const uint64_t guestCluster = m_context.clusterOf(offset);
    uint64_t old = 0;
    error = co_await m_map.entries(guestCluster, &old, 1);
    if (error == 0 && old != 0)
        error = EEXIST;
    if (error == 0)
        error = co_await prepareTable(guestCluster);
    if (error != 0)
        co_return error;

    AsyncLock lock = co_await m_packMutex.lock();
    // The free rest of the last cluster, and the next one where that follows; else a new one.
    uint64_t host = m_packedNext;
    const uint64_t room = host == 0 ? 0 : clusterBytes - m_context.offsetInCluster(host);
    const bool sharesCluster = room > 0 && room < clusterBytes;
    if (!sharesCluster || packed.size() > room) {
        Refcounts::Allocation space = co_await m_refcounts.allocate(1, Refcounts::Amount::Exactly);
        if (space.error != 0)
            co_return space.error;
        const uint64_t fresh = space.firstCluster << bits;
        if (!sharesCluster || fresh != host + room)
            host = fresh; // the rest is left unused
        else
            error = co_await m_refcounts.change(m_context.clusterOf(host), 1, 1);
    } else {
        error = co_await m_refcounts.change(m_context.clusterOf(host), 1, 1);
    }
    if (error == ERANGE) { // narrow refcounts: no sharing
        m_packedNext = 0;
        lock.release();
        held.release();
        OwnedBytes copy = allocateBytes(clusterBytes);
        std::memcpy(copy.get(), cluster, clusterBytes);
        const uint64_t bytes = std::min(clusterBytes, diskBytes() - offset);
        error = co_await write(offset, IoBuffers(copy.get(), bytes), nullptr);
        co_return error;
    }
    if (error != 0)
        co_return error;
    const uint64_t end = host + packed.size();
    m_packedNext = m_context.offsetInCluster(end) == 0 ? 0 : end;
    error = co_await m_file->write(host, packed.data(), packed.size());
    ++m_context.completedWrites;
    if (error != 0)
        co_return error;
    const unsigned sizeBits = bits - 8;
    const unsigned x = 62 - sizeBits;
    const uint64_t sectors = (end - 1) / kSectorBytes - host / kSectorBytes; // beyond the first
    const uint64_t entry = kCompressed | sectors << x | host;
    if (host >> x != 0)
        co_return EFBIG;
    error = co_await storeEntries(guestCluster, &entry, &old, 1);
    co_return error;
}

Task<int> Image::throttle() {
    if (!m_map.tooManyDirty() && !m_refcounts.tooManyDirty())
        co_return 0;
    int error = co_await writeBack();
    co_return error;
}

// Brings every change made before to the medium: data and refcounts, a barrier, the mapping, a
// barrier. Only then are clusters free that nothing refers to any more.
Task<int> Image::writeBack() {
    AsyncLock lock = co_await m_writeBackMutex.lock();
    if (!m_context.writable)
        co_return m_context.damage.empty() ? 0 : EIO;
    std::vector<Freed> freed;
    freed.swap(m_freed);
    ClusterMap::Pending pending = m_map.takeDirty();
    int error = co_await m_refcounts.writeBack();
    if (!pending.empty()) {
        if (error == 0)
            error = co_await m_context.sync();
        if (error == 0)
            error = co_await m_map.write(pending);
        else
            m_map.putBack(pending);
    }
    if (error == 0)
        error = co_await m_context.sync();
    if (error == 0) {
        error = co_await release(std::move(freed));
    } else {
        m_freed.insert(m_freed.begin(), freed.begin(), freed.end());
    }
    co_return error;
}

Task<int> Image::release(std::vector<Freed> freed) {
    const std::list<uint64_t>& active = m_active.entries();
    const uint64_t oldest = active.empty() ? ~uint64_t{0} : active.front();
    std::vector<Freed> now;
    for (const Freed& range : freed) {
        if (range.sequence < oldest)
            now.push_back(range);
        else
            m_freed.push_back(range); // somebody may still read it
    }
    std::sort(now.begin(), now.end(),
              [](const Freed& a, const Freed& b) { return a.firstCluster < b.firstCluster; });
    m_unpacked.reset(); // what it is a copy of may be overwritten
    int error = 0;
    for (size_t i = 0; i < now.size() && error == 0;) {
        // A row of ranges that follow each other.
        const uint64_t first = now[i].firstCluster;
        uint64_t end = first + now[i].count;
        size_t next = i + 1;
        while (next < now.size() && now[next].firstCluster == end)
            end += now[next++].count;
        if (m_context.clusterOf(m_packedNext) >= first && m_context.clusterOf(m_packedNext) < end)
            m_packedNext = 0;
        bool lastUse = m_punchHoles;
        for (uint64_t cluster = first; cluster < end && lastUse; ++cluster) {
            Refcounts::Value value = co_await m_refcounts.get(cluster);
            lastUse = value.error == 0 && value.count == 1;
        }
        const unsigned bits = m_context.header.clusterBits;
        if (lastUse) {
            int punched =
                co_await m_file->range(IoOp::Kind::PunchHole, first << bits, (end - first) << bits);
            m_punchHoles = punched == 0;
        }
        error = co_await m_refcounts.change(first, end - first, -1);
        i = next;
    }
    co_return error;
}

Task<int> Image::flush() {
    if (!m_context.writable) {
        int error = co_await m_context.sync();
        co_return error;
    }
    int error = co_await writeBack();
    co_return error;
}

Task<int> Image::close() {
    int error = co_await flush();
    // Freed clusters change refcounts once more.
    for (int round = 0; round < 3 && error == 0 && m_context.writable; ++round) {
        if (!m_refcounts.dirty() && m_freed.empty() && !m_map.dirty())
            break;
        error = co_await writeBack();
    }
    co_return error;
}

} // namespace vivarium::qcow2
