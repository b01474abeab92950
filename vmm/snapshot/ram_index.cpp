#include "vmm/snapshot/ram_index.h"

#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <bit>

namespace vivarium {

namespace {

constexpr const char* kSection = "ram-index";
constexpr uint32_t kSectionVersion = 1;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kMaxRamBytes = uint64_t{16} << 40;
constexpr uint64_t kMinChunkBytes = 64 << 10;

} // namespace

uint32_t RamIndex::chunkBytesFor(uint64_t ramBytes) {
    const uint64_t needed = (ramBytes + kMaxChunks - 1) / kMaxChunks;
    return static_cast<uint32_t>(std::bit_ceil(std::max(needed, kMinChunkBytes)));
}

uint32_t RamIndex::chunkCount() const {
    return static_cast<uint32_t>((ramBytes + chunkBytes - 1) / chunkBytes);
}

void RamIndex::append(uint32_t file) {
    if (!runs.empty() && runs.back().file == file) {
        ++runs.back().chunkCount;
        return;
    }
    const uint32_t next = runs.empty() ? 0 : runs.back().firstChunk + runs.back().chunkCount;
    runs.push_back({next, 1, file});
}

std::vector<uint8_t> encodeRamIndex(const RamIndex& index) {
    StateWriter writer;
    writer.beginSection(kSection, kSectionVersion);
    writer.fields(index.ramBytes, index.chunkBytes, index.fileCount,
                  static_cast<uint32_t>(index.runs.size()));
    for (const RamRun& run : index.runs)
        writer.fields(run.chunkCount, run.file);
    return writer.finish();
}

Result<RamIndex> decodeRamIndex(ConstByteSpan bytes) {
    const auto corrupt = [] {
        return fail(ErrorCode::Corrupt, "the memory image's index is damaged");
    };
    StateReader reader = TRY(StateReader::open(bytes));
    TRY(reader.enterSection(kSection, kSectionVersion));
    RamIndex index;
    uint32_t runCount = 0;
    TRY(reader.fields(index.ramBytes, index.chunkBytes, index.fileCount, runCount));
    if (index.ramBytes == 0 || index.ramBytes % kMiB != 0 || index.ramBytes > kMaxRamBytes ||
        index.chunkBytes != RamIndex::chunkBytesFor(index.ramBytes) || index.fileCount == 0 ||
        index.fileCount > RamIndex::kMaxFiles || runCount > index.chunkCount())
        return corrupt();
    uint32_t next = 0;
    for (uint32_t i = 0; i < runCount; ++i) {
        RamRun run;
        run.firstChunk = next;
        TRY(reader.fields(run.chunkCount, run.file));
        if (run.chunkCount == 0 || run.chunkCount > index.chunkCount() - next ||
            (run.file != RamRun::kZeroes && run.file >= index.fileCount))
            return corrupt();
        next += run.chunkCount;
        index.runs.push_back(run);
    }
    if (next != index.chunkCount())
        return corrupt();
    return index;
}

} // namespace vivarium
