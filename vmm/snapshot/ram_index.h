#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// Where the chunks of a memory image are stored. A file of an image has the size of the memory, and
// a chunk lies in it at the offset that it has in memory: restoring is mapping.
struct RamRun {
    static constexpr uint32_t kZeroes = ~uint32_t{0};
    uint32_t firstChunk = 0;
    uint32_t chunkCount = 0;
    uint32_t file = kZeroes; // number of the file, or kZeroes: stored nowhere
    bool operator==(const RamRun&) const = default;
};

struct RamIndex {
    static constexpr uint32_t kMaxFiles = 32;
    static constexpr uint32_t kMaxChunks = 4096; // each may become a mapping of its own

    uint64_t ramBytes = 0;   // whole MiB, up to 16 TiB
    uint32_t chunkBytes = 0; // the one of chunkBytesFor(ramBytes)
    uint32_t fileCount = 0;
    std::vector<RamRun> runs; // ascending, without gaps, over all chunks

    static uint32_t chunkBytesFor(uint64_t ramBytes);
    uint32_t chunkCount() const;
    // Adds the next chunk, as part of the last run where it can be.
    void append(uint32_t file);
};

// The index as a saved-state file (state_format.h) with the one section "ram-index".
std::vector<uint8_t> encodeRamIndex(const RamIndex& index);
// Errors: Corrupt, Unsupported (a newer format).
Result<RamIndex> decodeRamIndex(ConstByteSpan bytes);

} // namespace vivarium
