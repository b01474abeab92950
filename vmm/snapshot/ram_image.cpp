#include "vmm/snapshot/ram_image.h"

#include "vmm/base/crash_points.h"
#include "vmm/base/whole_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr uint64_t kMaxIndexBytes = 1 << 20;
constexpr uint64_t kPageBytes = 4096;

Result<uint64_t> fileBytes(const UniqueFd& file, const char* what) {
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        return systemError(errno, std::string("look at ") + what);
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::InvalidArgument, std::string(what) + " is not a regular file");
    return static_cast<uint64_t>(status.st_size);
}

bool isZero(const uint8_t* bytes, uint64_t count) {
    return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, count - 1) == 0;
}

Result<void> writeAt(const UniqueFd& target, ConstByteSpan bytes, uint64_t offset) {
    crashPoint();
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(target.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return systemError(written < 0 ? errno : EIO, "write the machine's memory");
        bytes = bytes.subspan(static_cast<size_t>(written));
        offset += static_cast<uint64_t>(written);
    }
    return {};
}

Result<void> makeDurable(const UniqueFd& target) {
    crashPoint();
    if (::fdatasync(target.get()) != 0)
        return systemError(errno, "write the saved state to the disk");
    return {};
}

// The pages of a chunk that are not zero; the file's holes are the others.
Result<void> writeChunk(const UniqueFd& target, ConstByteSpan chunk, uint64_t offset,
                        uint64_t* writtenBytes) {
    for (uint64_t at = 0; at < chunk.size();) {
        uint64_t end = at;
        while (end < chunk.size() && !isZero(chunk.data() + end, kPageBytes))
            end += kPageBytes;
        if (end > at) {
            TRY(writeAt(target, chunk.subspan(at, end - at), offset + at));
            *writtenBytes += end - at;
        }
        at = end + kPageBytes;
    }
    return {};
}

} // namespace

RamImage::RamImage(RamIndex index, std::vector<UniqueFd> files)
    : m_index(std::move(index)), m_files(std::move(files)) {
    for (const RamRun& run : m_index.runs)
        m_fileOfChunk.insert(m_fileOfChunk.end(), run.chunkCount, run.file);
}

RamImage::~RamImage() {
    for (const uint8_t* view : m_views)
        ::munmap(const_cast<uint8_t*>(view), m_index.ramBytes);
}

Result<RamImage> RamImage::open(const UniqueFd& index, std::vector<UniqueFd> files,
                                uint64_t ramBytes) {
    RamIndex decoded = TRY(decodeRamIndex(
        TRY(readWholeFile(index.get(), kMaxIndexBytes, "the index of the saved memory"))));
    if (decoded.ramBytes != ramBytes)
        return fail(ErrorCode::InvalidArgument,
                    "the saved memory belongs to a machine with another memory size");
    if (decoded.fileCount != files.size())
        return fail(ErrorCode::InvalidArgument, "the saved memory consists of " +
                                                    std::to_string(decoded.fileCount) + " files, " +
                                                    std::to_string(files.size()) + " were given");
    for (const UniqueFd& file : files)
        if (TRY(fileBytes(file, "a file of the saved memory")) != ramBytes)
            return fail(ErrorCode::Corrupt, "a file of the saved memory has the wrong size");
    return RamImage(std::move(decoded), std::move(files));
}

Result<void> RamImage::mapInto(ByteSpan ram) const {
    for (const RamRun& run : m_index.runs) {
        if (run.file == RamRun::kZeroes)
            continue;
        const uint64_t offset = uint64_t{run.firstChunk} * m_index.chunkBytes;
        const uint64_t length =
            std::min(uint64_t{run.chunkCount} * m_index.chunkBytes, ram.size() - offset);
        if (::mmap(ram.data() + offset, length, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, m_files[run.file].get(),
                   static_cast<off_t>(offset)) == MAP_FAILED)
            return systemError(errno, "map the saved memory");
    }
    return {};
}

Result<void> RamImage::mapForReading() {
    for (const UniqueFd& file : m_files) {
        void* view =
            ::mmap(nullptr, m_index.ramBytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, file.get(), 0);
        if (view == MAP_FAILED)
            return systemError(errno, "map the saved memory");
        m_views.push_back(static_cast<const uint8_t*>(view));
    }
    return {};
}

const uint8_t* RamImage::chunk(uint32_t number, uint32_t* file) const {
    *file = m_fileOfChunk[number];
    return *file == RamRun::kZeroes ? nullptr
                                    : m_views[*file] + uint64_t{number} * m_index.chunkBytes;
}

Result<RamIndex> writeRamImage(ConstByteSpan ram, const UniqueFd& target, const RamImage* parent,
                               const std::function<bool(const RamImageProgress&)>& progress) {
    RamIndex index;
    index.ramBytes = ram.size();
    index.chunkBytes = RamIndex::chunkBytesFor(ram.size());
    index.fileCount = 1 + (parent ? parent->index().fileCount : 0);
    if (index.fileCount > RamIndex::kMaxFiles)
        return fail(ErrorCode::LimitExceeded, "the saved memory would consist of too many files");
    if (::ftruncate(target.get(), static_cast<off_t>(ram.size())) != 0)
        return systemError(errno, "size the memory's file");
    RamImageProgress report{0, ram.size(), 0};
    for (uint32_t number = 0; number < index.chunkCount(); ++number) {
        const uint64_t offset = uint64_t{number} * index.chunkBytes;
        const ConstByteSpan chunk =
            ram.subspan(offset, std::min<uint64_t>(index.chunkBytes, ram.size() - offset));
        uint32_t file = RamRun::kZeroes;
        const uint8_t* before = parent ? parent->chunk(number, &file) : nullptr;
        if (isZero(chunk.data(), chunk.size())) {
            index.append(RamRun::kZeroes);
        } else if (before && std::memcmp(chunk.data(), before, chunk.size()) == 0) {
            index.append(file + 1);
        } else {
            TRY(writeChunk(target, chunk, offset, &report.writtenBytes));
            index.append(0);
        }
        report.doneBytes = offset + chunk.size();
        if (progress && !progress(report))
            return fail(ErrorCode::Cancelled, "saving the memory was cancelled");
    }
    TRY(makeDurable(target));
    return index;
}

Result<void> writeWholeFile(const UniqueFd& target, ConstByteSpan bytes) {
    TRY(writeAt(target, bytes, 0));
    return makeDurable(target);
}

} // namespace vivarium
