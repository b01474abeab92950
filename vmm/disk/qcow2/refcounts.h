#pragma once

#include "vmm/disk/qcow2/table_cache.h"

#include <set>
#include <vector>

namespace vivarium::qcow2 {

// Reads or writes refcount `index` in a block's bytes; widths of 1 << order bits, order 0..6.
uint64_t readRefcount(const uint8_t* block, uint64_t index, unsigned order);
void writeRefcount(uint8_t* block, uint64_t index, unsigned order, uint64_t value);
uint64_t maxRefcount(unsigned order);

// The refcounts of an image's clusters, and the allocator on top of them. Changes are made in
// memory; the image writes them in its write-back order.
class Refcounts {
public:
    explicit Refcounts(ImageContext& context);

    // Reads the refcount table. Errno.
    Task<int> load();
    const std::vector<uint64_t>& table() const { return m_table; }
    uint64_t blockEntries() const { return m_blockEntries; }

    struct Value {
        uint64_t count;
        int error;
    };
    Task<Value> get(uint64_t cluster);

    // Clusters in a row with refcount 0, which become 1. AtMost: at least one, fewer than asked for
    // when the free space is in pieces. `fresh`: they lie after everything ever written.
    enum class Amount { AtMost, Exactly };
    struct Allocation {
        uint64_t firstCluster;
        uint64_t count;
        bool fresh;
        int error;
    };
    Task<Allocation> allocate(uint64_t count, Amount amount);
    // Adds `delta` (+1 or -1) to each refcount. Damage when one leaves its range.
    Task<int> change(uint64_t firstCluster, uint64_t count, int delta);
    // Sets one refcount whatever it was (repair).
    Task<int> set(uint64_t cluster, uint64_t value);
    // Gives up table entries that cannot be used (repair).
    void dropBlock(uint64_t index);

    bool dirty() const { return m_blocks.dirtySlices() > 0 || !m_dirtyTable.empty(); }
    bool tooManyDirty() const { return m_blocks.tooManyDirty(); }
    // Writes changed blocks, and the table's new entries after those are durable. What it wrote
    // last still needs a sync.
    Task<int> writeBack();

private:
    Task<TableCache::Lookup> sliceOf(uint64_t cluster);
    uint64_t indexInSlice(uint64_t cluster) const { return cluster % m_sliceEntries; }
    Task<int> createBlock(uint64_t blockIndex, uint64_t cluster);
    Task<int> growTable(uint64_t blockIndex);
    Task<int> setRange(uint64_t firstCluster, uint64_t count);
    Task<int> writeBackLocked();
    Task<Allocation> findFree(uint64_t count, Amount amount);

    ImageContext& m_context;
    TableCache m_blocks;
    unsigned m_order;
    uint64_t m_blockEntries;
    uint64_t m_sliceEntries;
    std::vector<uint64_t> m_table;
    std::set<uint64_t> m_dirtyTable; // indexes
    uint64_t m_firstFree = 0;        // no free cluster lies before it
    AsyncMutex m_mutex;              // allocation and changes
    AsyncMutex m_writeMutex;         // write-back; taken after m_mutex where both are
};

} // namespace vivarium::qcow2
