#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/shared_mapping.h"
#include "vmm/bus/dirty_log.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// The adapter's video memory (a memfd that viewers may map) and which of its pages may have changed
// since the picture was last drawn. VGA planes lie interleaved: byte n of plane p is byte 4n + p.
class VideoMemory {
public:
    static constexpr uint64_t kMinBytes = 1 << 20;
    static constexpr uint64_t kMaxBytes = 256 << 20;
    static constexpr uint64_t kPageBytes = DirtyLog::kPageBytes;

    // Errors: InvalidArgument (not a power of two of kMinBytes..kMaxBytes), NoSpace.
    static Result<VideoMemory> create(uint64_t sizeBytes);

    uint8_t* data() const { return m_mapping.data(); }
    uint64_t sizeBytes() const { return m_mapping.sizeBytes(); }
    int fd() const { return m_mapping.fd(); }
    // How many 4-byte groups (one byte of each plane) there are, minus one: all indices fit in it.
    uint32_t groupMask() const { return static_cast<uint32_t>(sizeBytes() / 4 - 1); }
    uint32_t group(uint32_t index) const { return loadLe<uint32_t>(data() + size_t{index} * 4); }

    // Zeroes [offset, offset + length) and gives whole pages back to the host.
    void zero(uint64_t offset, uint64_t length);

    // Ranges are clipped to the memory.
    void markDirty(uint64_t offset, uint64_t length);
    void markAllDirty() { markDirty(0, sizeBytes()); }
    bool isDirty(uint64_t offset, uint64_t length) const;
    bool anyDirty() const { return m_anyDirty; }
    void clearDirty();
    struct Range {
        uint64_t offset, length;
    };
    // The dirty parts of [offset, offset + length), ascending, whole pages but for the ends.
    std::vector<Range> dirtyRanges(uint64_t offset, uint64_t length) const;
    // Marks what the CPUs wrote through the direct mapping of [offset, offset + length) (whole
    // pages) at guest address `base`.
    void collectWritten(DirtyLog& log, GuestAddress base, uint64_t offset, uint64_t length);
    // The same where nothing keeps a log: pages whose contents differ from the last look.
    void collectChanged(uint64_t offset, uint64_t length);

    // The non-zero pages, as fields of the open section.
    void save(StateWriter& writer) const;
    // Error: Corrupt (then the contents are undefined).
    Result<void> restore(StateReader& reader);

private:
    explicit VideoMemory(SharedMapping mapping);

    SharedMapping m_mapping;
    std::vector<uint64_t> m_dirty;   // a bit a page
    std::vector<uint64_t> m_digests; // a page; empty until collectChanged
    std::vector<uint64_t> m_written; // scratch for the dirty log
    bool m_anyDirty = true;
};

} // namespace vivarium
