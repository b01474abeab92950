#pragma once

#include "vmm/disk/qcow2/refcounts.h"

#include <set>
#include <vector>

namespace vivarium::qcow2 {

// What a guest cluster is, decoded from its L2 entry.
struct ClusterEntry {
    enum class Kind { Unallocated, Zero, Data, Compressed };
    Kind kind = Kind::Unallocated;
    bool writable = false;    // has a host cluster of its own (also possible for Zero)
    uint64_t hostOffset = 0;  // Data, Zero with a host cluster: cluster; Compressed: first byte
    uint64_t packedBytes = 0; // Compressed: at most, in whole sectors
};

// A row of guest bytes that are stored alike.
struct GuestExtent {
    ClusterEntry entry; // of the row's first cluster; hostOffset is the first byte's
    uint64_t lengthBytes = 0;
};

// Guest clusters to host clusters: the active L1 table in memory, L2 tables through a cache.
class ClusterMap {
public:
    ClusterMap(ImageContext& context, Refcounts& refcounts);

    Task<int> load(); // reads the L1 table
    const std::vector<uint64_t>& l1() const { return m_l1; }

    struct Lookup {
        GuestExtent extent;
        int error;
    };
    // The row that starts at guest offset `offset`, `length` bytes at most (> 0, inside the disk).
    Task<Lookup> find(uint64_t offset, uint64_t length);
    // The same when everything needed is in memory; nullopt else.
    bool findCached(uint64_t offset, uint64_t length, GuestExtent* extent);

    // The entries of `count` clusters of one L2 slice, as stored.
    Task<int> entries(uint64_t guestCluster, uint64_t* values, uint64_t count);
    uint64_t clustersLeftInSlice(uint64_t guestCluster) const {
        return m_sliceEntries - guestCluster % m_sliceEntries;
    }
    ClusterEntry decode(uint64_t entry) const;
    // False: the entry breaks the format (misaligned, zero flag of version 2).
    bool isValid(uint64_t entry) const;

    // Makes the L2 table of a cluster exist and belong to the active L1 alone.
    // `*given`: the host cluster of a table that was given up for a copy, or 0.
    Task<int> makeTableWritable(uint64_t guestCluster, uint64_t* given);
    // Stores the entries of `count` clusters of one L2 slice whose table is writable.
    Task<int> store(uint64_t guestCluster, const uint64_t* values, uint64_t count);
    // Replaces the L1 table (resize); the caller has written it.
    void replaceL1(std::vector<uint64_t> l1) { m_l1 = std::move(l1); }
    // Changes one entry of the L1 table (repair).
    void setL1(uint64_t index, uint64_t entry) {
        m_l1[index] = entry;
        m_dirtyL1.insert(index / kL1PartEntries);
    }

    bool dirty() const { return m_l2.dirtySlices() > 0 || !m_dirtyL1.empty(); }
    bool tooManyDirty() const { return m_l2.tooManyDirty(); }
    // The changes up to now, to be written once data and refcounts are durable.
    struct Pending {
        std::vector<TableCache::Pending> slices;
        struct L1Part {
            uint64_t firstIndex;
            std::vector<uint64_t> entries; // as stored
        };
        std::vector<L1Part> l1;
        bool empty() const { return slices.empty() && l1.empty(); }
    };
    Pending takeDirty();
    Task<int> write(Pending& pending);
    // Counts them as changed again.
    void putBack(Pending& pending);

private:
    static constexpr uint64_t kL1PartEntries = 64; // 512 bytes

    uint64_t tableOf(uint64_t guestCluster, bool* own) const;
    Task<TableCache::Lookup> sliceOf(uint64_t guestCluster);
    GuestExtent scan(const uint8_t* slice, uint64_t offset, uint64_t length, bool* valid) const;
    bool unallocatedRow(uint64_t offset, uint64_t length, GuestExtent* extent) const;

    ImageContext& m_context;
    Refcounts& m_refcounts;
    TableCache m_l2;
    uint64_t m_tableEntries;
    uint64_t m_sliceEntries;
    std::vector<uint64_t> m_l1;
    std::set<uint64_t> m_dirtyL1; // part numbers
    AsyncMutex m_tableMutex;      // new L2 tables
};

} // namespace vivarium::qcow2
