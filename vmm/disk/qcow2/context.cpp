#include "vmm/disk/qcow2/context.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

Task<int> ImageContext::reportDamage(const char* what, uint64_t offset) {
    if (!damage.empty())
        co_return EIO;
    damage = formatText("%s at %#llx", what, static_cast<unsigned long long>(offset));
    logError("disk", "the qcow2 image is damaged: " + damage);
    const bool mayWrite = std::exchange(writable, false);
    if (!mayWrite || header.version < 3)
        co_return EIO;
    header.incompatible |= kCorrupt;
    uint8_t bits[8];
    storeBe<uint64_t>(bits, header.incompatible);
    // Best effort: the image is read-only from here on in any case.
    int error = co_await file.write(72, bits, sizeof bits);
    if (error == 0)
        error = co_await file.sync();
    if (error != 0)
        logError("disk", "the damage could not be recorded in the image");
    co_return EIO;
}

Task<int> ImageContext::writeMetadata(MetadataKind kind, uint64_t offset, const void* data,
                                      size_t bytes) {
    if (bytes == 0)
        co_return 0;
    if (!writable)
        co_return EIO;
    const uint64_t first = clusterOf(offset);
    if (!metadata.isAll(kind, first, clusterOf(offset + bytes - 1) - first + 1)) {
        int damaged = co_await reportDamage("a metadata write would overlap other data", offset);
        co_return damaged;
    }
    OwnedBytes copy = allocateBytes(bytes);
    std::memcpy(copy.get(), data, bytes);
    int error = co_await file.write(offset, copy.get(), bytes);
    ++completedWrites;
    fileEndBytes = std::max(fileEndBytes, offset + bytes);
    co_return error;
}

Task<int> ImageContext::sync() {
    if (syncFailed)
        co_return EIO;
    const uint64_t covers = completedWrites;
    if (covers == syncedWrites)
        co_return 0;
    int error = co_await file.sync();
    if (error != 0)
        syncFailed = true;
    else
        syncedWrites = std::max(syncedWrites, covers);
    co_return error;
}

Task<int> ImageContext::writeHeader() {
    const std::vector<uint8_t> bytes = serialiseHeader(header);
    if (bytes.size() > clusterBytes() ||
        (!header.backingName.empty() && header.backingNameOffset < bytes.size()))
        co_return ENAMETOOLONG;
    int error = co_await writeMetadata(MetadataKind::Header, 0, bytes.data(), bytes.size());
    if (error == 0)
        error = co_await sync();
    co_return error;
}

Task<int> ImageContext::writeFeatures() {
    if (header.version < 3)
        co_return 0;
    uint8_t bits[24];
    storeBe<uint64_t>(&bits[0], header.incompatible);
    storeBe<uint64_t>(&bits[8], header.compatible);
    storeBe<uint64_t>(&bits[16], header.autoclear);
    int error = co_await writeMetadata(MetadataKind::Header, 72, bits, sizeof bits);
    if (error == 0)
        error = co_await sync();
    co_return error;
}

Task<int> ImageContext::writeBacking(std::string name, std::string format) {
    Header changed = header;
    changed.backingFormat = name.empty() ? std::string() : std::move(format);
    Result<uint64_t> place = placeBackingName(changed, name);
    if (!place)
        co_return ENAMETOOLONG;
    changed.backingName = std::move(name);
    changed.backingNameOffset = changed.backingName.empty() ? 0 : *place;
    std::vector<uint8_t> bytes = serialiseHeader(changed);
    const std::string& text = changed.backingName;
    int error = 0;
    if (!text.empty() && bytes.size() + text.size() <= kSectorBytes) {
        bytes.insert(bytes.end(), text.begin(), text.end()); // all in one sector
    } else if (!text.empty()) {
        error = co_await writeMetadata(MetadataKind::Header, *place, text.data(), text.size());
        if (error == 0)
            error = co_await sync();
    }
    if (error == 0)
        error = co_await writeMetadata(MetadataKind::Header, 0, bytes.data(), bytes.size());
    if (error == 0)
        error = co_await sync();
    if (error == 0)
        header = std::move(changed);
    co_return error;
}

Task<int> ImageContext::writeZeroes(uint64_t offset, uint64_t length) {
    ++completedWrites;
    int error = co_await file.range(IoOp::Kind::ZeroRange, offset, length);
    if (error == 0) {
        ++completedWrites;
        co_return 0;
    }
    constexpr uint64_t kChunkBytes = 1 << 20;
    OwnedBytes zeroes = allocateZeroes(std::min(length, kChunkBytes));
    while (length > 0) {
        const uint64_t bytes = std::min(length, kChunkBytes);
        error = co_await file.write(offset, zeroes.get(), bytes);
        ++completedWrites;
        if (error != 0)
            co_return error;
        offset += bytes;
        length -= bytes;
    }
    co_return 0;
}

} // namespace vivarium::qcow2
