#pragma once

#include "vmm/disk/qcow2/context.h"

#include <list>
#include <unordered_map>
#include <vector>

namespace vivarium::qcow2 {

// Parts ("slices") of L2 tables or refcount blocks in memory, the least recently used ones dropped.
// Changed slices stay until they are written, which the image does in its write-back order.
class TableCache {
public:
    struct Slice {
        uint64_t offset = 0; // in the file
        OwnedBytes bytes;
        bool loading = true;
        bool dirty = false;
        bool writing = false;
        std::list<Slice*>::iterator used;
    };
    struct Lookup {
        Slice* slice; // null: error; valid until the caller's next wait
        int error;
    };

    TableCache(ImageContext& context, MetadataKind kind, uint64_t capacityBytes);

    size_t sliceBytes() const { return m_sliceBytes; }
    // The slice that holds file offset `offset`.
    Task<Lookup> get(uint64_t offset);
    // The same when it is in memory, else null.
    Slice* peek(uint64_t offset);
    void markDirty(Slice& slice);
    // Enters zeroes for a slice whose place in the file was just zeroed.
    Slice& insertZeroes(uint64_t offset);
    // Forgets the slices of a table that is given up, changed or not.
    void forget(uint64_t tableOffset, uint64_t bytes);
    size_t dirtySlices() const { return m_dirty; }
    bool tooManyDirty() const { return m_dirty * 2 >= m_capacity; }

    // The changed slices' bytes as they are now; they count as unchanged from here on.
    struct Pending {
        uint64_t offset;
        OwnedBytes bytes;
    };
    std::vector<Pending> takeDirty();
    // Writes what takeDirty() gave; on failure the slices count as changed again.
    Task<int> write(std::vector<Pending>& pending);
    void putBack(std::vector<Pending>& pending);

private:
    void makeRoom();
    uint64_t sliceOffset(uint64_t offset) const { return offset & ~uint64_t{m_sliceBytes - 1}; }

    ImageContext& m_context;
    MetadataKind m_kind;
    size_t m_sliceBytes;
    size_t m_capacity; // slices
    size_t m_dirty = 0;
    std::unordered_map<uint64_t, Slice> m_slices;
    std::list<Slice*> m_order; // most recently used first
    WaitQueue m_loaded;
};

} // namespace vivarium::qcow2
