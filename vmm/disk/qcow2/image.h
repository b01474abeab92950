#pragma once

#include "vmm/disk/io/range_locks.h"
#include "vmm/disk/qcow2/cluster_map.h"
#include "vmm/disk/qcow2/snapshot_table.h"

#include <memory>

namespace vivarium::qcow2 {

// What lies below an image: where its unallocated parts come from.
class BelowReader {
public:
    virtual ~BelowReader() = default;
    // Fills `buffers`, or sets *zero and leaves them alone. Errno.
    virtual Task<int> readBelow(uint64_t offset, IoBuffers buffers, bool* zero) = 0;
};

// One qcow2 file, version 2 or 3, without its backing file. A row of guest bytes is looked up with
// find() and read by whoever owns the chain; changes go through here. Lives on its loop's thread.
// Write order: README.md.
class Image {
public:
    enum class Access { ReadWrite, ReadOnly };
    enum class Use {
        Normal,
        Repair, // open what Normal refuses, for checkImage() alone
    };
    using OpenResult = Result<std::unique_ptr<Image>>;
    // Errors: Corrupt, Unsupported (features by name), LimitExceeded, host errors. Read-write, an
    // image with the dirty bit is repaired first, one with the corrupt bit refused.
    static Task<OpenResult> open(IoLoop& loop, std::unique_ptr<AsyncFile> file, Access access,
                                 Use use = Use::Normal);
    ~Image();

    const Header& header() const { return m_context.header; }
    // The guest's disk, whole sectors.
    uint64_t diskBytes() const { return m_context.header.diskBytes & ~(kSectorBytes - 1); }
    uint64_t clusterBytes() const { return m_context.clusterBytes(); }
    const std::vector<Snapshot>& snapshots() const { return m_snapshots.snapshots; }
    bool writable() const { return m_context.writable; }
    AsyncFile& file() { return *m_file; }

    // Rows of the guest's disk; offset < diskBytes(), length > 0.
    Task<ClusterMap::Lookup> find(uint64_t offset, uint64_t length) {
        return m_map.find(offset, length);
    }
    bool findCached(uint64_t offset, uint64_t length, GuestExtent* extent) {
        return m_map.findCached(offset, length, extent);
    }
    // Reads a part of one compressed cluster that find() gave for guest offset `offset`.
    Task<int> readCompressed(GuestExtent extent, uint64_t offset, IoBuffers buffers);

    // Guest requests, whole inside the disk. `below`: null for an image without backing file.
    Task<int> write(uint64_t offset, IoBuffers data, BelowReader* below);
    enum class Clear { Discard /* a hint */, Zero };
    Task<int> clear(uint64_t offset, uint64_t length, Clear clear, BelowReader* below);
    // Everything completed before is on the medium when it is over.
    Task<int> flush();
    // Copies what `below` has in unallocated clusters of the range into the image ("stream").
    Task<int> fill(uint64_t offset, uint64_t length, BelowReader& below);
    // Stores one whole cluster that is not allocated yet, packed where that saves space.
    Task<int> writeCompressed(uint64_t offset, const uint8_t* cluster);

    // Keeps reads of rows that find() gave valid: host clusters given up meanwhile are not reused
    // while a ticket from before exists.
    class Ticket {
    public:
        explicit Ticket(Image& image)
            : m_image(image), m_entry(image.m_active.append(++image.m_sequence)) {}
        ~Ticket() { m_image.m_active.remove(m_entry); }
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;

    private:
        Image& m_image;
        ReusingList<uint64_t>::Iterator m_entry;
    };

    // Metadata changes; nothing else may be in flight. Durable when they are over.
    Task<int> setBacking(std::string name, std::string format); // "" removes it
    // Errors: EBUSY with internal snapshots (shrink), EFBIG.
    Task<int> resize(uint64_t diskBytes, BelowReader* below);
    // Allocates every cluster that is not, its bytes left as holes (preallocation).
    Task<int> allocateAll();
    // Flushes and gives back freed space. To be called before the image goes, else that is lost.
    Task<int> close();

    // For the check.
    ImageContext& context() { return m_context; }
    Refcounts& refcounts() { return m_refcounts; }
    ClusterMap& map() { return m_map; }
    const SnapshotTable& snapshotTable() const { return m_snapshots; }

private:
    Image(IoLoop& loop, std::unique_ptr<AsyncFile> file, Header header, Access access);
    static Task<OpenResult> openOnce(IoLoop& loop, std::unique_ptr<AsyncFile>& file, Access access,
                                     Use use);
    Task<Result<void>> loadSnapshots(Use use);
    Result<void> registerMetadata();
    Task<Result<void>> checkOwnRefcounts();

    Task<int> checkPlace(uint64_t firstCluster, uint64_t count);
    bool needsCheck(const GuestExtent& extent) const;
    bool findInPlace(uint64_t offset, uint64_t length, GuestExtent* extent);
    Task<int> writeInPlace(uint64_t offset, const IoBuffers& data, uint64_t* done);
    Task<int> writeAllocating(uint64_t offset, const IoBuffers& data, BelowReader* below);
    struct Run; // clusters that get new places together
    Task<int> writeRun(Run& run, BelowReader* below);
    Task<int> readOld(uint64_t entry, uint64_t offset, IoBuffers buffers, BelowReader* below,
                      bool* zero);
    Task<int> clearClusters(uint64_t first, uint64_t count, Clear clear, BelowReader* below);
    Task<int> clearPart(uint64_t offset, uint64_t length, BelowReader* below);
    Task<int> prepareTable(uint64_t cluster);
    Task<int> storeEntries(uint64_t cluster, const uint64_t* entries, const uint64_t* old,
                           uint64_t count);
    Task<int> growL1(uint64_t entries);

    void giveUp(uint64_t firstCluster, uint64_t count);
    void giveUpEntry(uint64_t entry);
    Task<int> throttle();
    Task<int> writeBack();
    struct Freed {
        uint64_t firstCluster;
        uint64_t count;
        uint64_t sequence;
    };
    Task<int> release(std::vector<Freed> freed);
    uint64_t clusterEnd(uint64_t offset) const {
        return (m_context.clusterOf(offset) + 1) << m_context.header.clusterBits;
    }

    std::unique_ptr<AsyncFile> m_file;
    ImageContext m_context;
    Refcounts m_refcounts;
    ClusterMap m_map;
    SnapshotTable m_snapshots;
    RangeLocks m_locks; // in guest bytes: in-place writes share, everything that maps excludes
    AsyncMutex m_writeBackMutex;
    uint64_t m_sequence = 0;
    ReusingList<uint64_t> m_active; // sequence numbers of tickets, oldest first
    std::vector<Freed> m_freed;     // not referred to any more, but maybe still on the medium
    bool m_punchHoles = true;

    // The last compressed cluster that was read, unpacked.
    uint64_t m_unpackedAt = ~uint64_t{0}; // its host offset
    uint64_t m_unpackedBytes = 0;         // its packed length
    OwnedBytes m_unpacked;
    // Where the next packed cluster goes: the free rest of the last one's host cluster.
    uint64_t m_packedNext = 0;
    AsyncMutex m_packMutex;
};

} // namespace vivarium::qcow2
