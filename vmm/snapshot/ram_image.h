#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/snapshot/ram_index.h"

#include <functional>
#include <vector>

namespace vivarium {

// A stored memory image: an index and the files that it counts, open for reading. The files must
// not change while the image, or memory that it was mapped into, lives.
class RamImage {
public:
    // Errors: Corrupt (index; a file shorter than the memory), Unsupported, InvalidArgument
    // (another number of files, another memory size), host errors.
    static Result<RamImage> open(const UniqueFd& index, std::vector<UniqueFd> files,
                                 uint64_t ramBytes);
    RamImage(RamImage&&) noexcept = default;
    RamImage& operator=(RamImage&&) = delete;
    ~RamImage();

    const RamIndex& index() const { return m_index; }
    // Makes `ram` (page-aligned, private, zeroes, all of the memory) show the image: pages arrive
    // when they are first touched, and writes stay in this process.
    Result<void> mapInto(ByteSpan ram) const;
    // Maps the files for chunk(); before it, chunk() must not be called.
    Result<void> mapForReading();
    // Bytes of chunk `number`; null: zeroes. `file` is the number of the file that it is in.
    const uint8_t* chunk(uint32_t number, uint32_t* file) const;

private:
    explicit RamImage(RamIndex index, std::vector<UniqueFd> files);

    RamIndex m_index;
    std::vector<UniqueFd> m_files;
    std::vector<uint32_t> m_fileOfChunk;
    std::vector<const uint8_t*> m_views; // of m_files, empty before mapForReading()
};

struct RamImageProgress {
    uint64_t doneBytes = 0, totalBytes = 0, writtenBytes = 0;
};

// Writes `ram` into the empty file `target`: only what differs from `parent` (null: from zeroes).
// In the index the new file is number 0 and the parent's files follow. `progress` is called after
// each chunk; false ends the work with Cancelled. The file is durable on return. Errors: NoSpace,
// LimitExceeded (the parent has kMaxFiles already), host errors.
Result<RamIndex> writeRamImage(ConstByteSpan ram, const UniqueFd& target, const RamImage* parent,
                               const std::function<bool(const RamImageProgress&)>& progress);

// Writes all of `bytes` from the start of an empty file and makes it durable.
Result<void> writeWholeFile(const UniqueFd& target, ConstByteSpan bytes);

} // namespace vivarium
