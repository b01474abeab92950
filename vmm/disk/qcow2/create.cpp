#include "vmm/disk/qcow2/create.h"

#include "vmm/disk/qcow2/image.h"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace vivarium::qcow2 {

namespace {

Result<void> checkOptions(const CreateOptions& options) {
    auto invalid = [](const char* what) { return fail(ErrorCode::InvalidArgument, what); };
    const bool version3 = options.version == 3;
    if (options.version != 2 && !version3)
        return invalid("the qcow2 version must be 2 or 3");
    if (!std::has_single_bit(options.clusterBytes) ||
        options.clusterBytes < (1U << kMinClusterBits) ||
        options.clusterBytes > (1U << kMaxClusterBits))
        return invalid("the cluster size must be a power of two from 512 bytes to 2 MiB");
    if (!std::has_single_bit(options.refcountBits) || options.refcountBits > 64)
        return invalid("the refcount width must be a power of two up to 64 bits");
    if (!version3 && options.refcountBits != 16)
        return invalid("qcow2 version 2 has 16-bit refcounts only");
    if (!version3 && options.compression != Compression::Zlib)
        return invalid("qcow2 version 2 knows no other compression than zlib");
    if (!version3 && options.lazyRefcounts == CreateOptions::LazyRefcounts::On)
        return invalid("qcow2 version 2 knows no lazy refcounts");
    if (options.diskBytes % kSectorBytes != 0)
        return invalid("the disk size must be a multiple of 512 bytes");
    if (!options.backingName.empty() && options.preallocation != Preallocation::Off)
        return invalid("an image with a backing file cannot be preallocated");
    if (!options.backingName.empty() && options.backingFormat.empty())
        return invalid("the backing file's format must be stated");
    return {};
}

// Where the tables of a new image lie: header, refcount table, refcount blocks, L1 table.
struct Layout {
    uint64_t tableClusters = 1;
    uint64_t blocks = 1;
    uint64_t l1Clusters = 1;
    uint64_t clusters() const { return 1 + tableClusters + blocks + l1Clusters; }
};

Layout layoutFor(const Header& header) {
    const uint64_t clusterBytes = header.clusterBytes();
    const uint64_t blockEntries = clusterBytes * 8 >> header.refcountOrder;
    auto divideUp = [](uint64_t a, uint64_t b) { return (a + b - 1) / b; };
    Layout layout;
    layout.l1Clusters =
        std::max<uint64_t>(1, divideUp(uint64_t{header.l1Entries} * 8, clusterBytes));
    // A table for the whole disk and its L2 tables at once, within reason, need not grow later.
    const uint64_t data = divideUp(header.diskBytes, clusterBytes);
    const uint64_t expected = data + divideUp(data, header.l2Entries()) + layout.l1Clusters + 64;
    const uint64_t entries = divideUp(expected, blockEntries);
    constexpr uint64_t kMaxAtOnceBytes = 1 << 20;
    layout.tableClusters =
        std::clamp<uint64_t>(divideUp(entries * 8, clusterBytes), 1,
                             std::max<uint64_t>(1, kMaxAtOnceBytes / clusterBytes));
    for (uint64_t needed = 1; needed > layout.blocks || needed == 1;) {
        layout.blocks = std::max(layout.blocks, needed);
        needed = divideUp(layout.clusters(), blockEntries);
        if (needed <= layout.blocks)
            break;
    }
    layout.tableClusters =
        std::max(layout.tableClusters, divideUp(layout.blocks * 8, clusterBytes));
    layout.blocks = std::max(layout.blocks, divideUp(layout.clusters(), blockEntries));
    return layout;
}

Result<Header> headerFor(const CreateOptions& options) {
    Header header;
    header.version = options.version;
    header.clusterBits = static_cast<unsigned>(std::countr_zero(options.clusterBytes));
    header.diskBytes = options.diskBytes;
    header.refcountOrder = static_cast<unsigned>(std::countr_zero(options.refcountBits));
    header.compression = options.compression;
    header.headerBytes = options.version == 2 ? kVersion2HeaderBytes : kHeaderBytesWithCompression;
    if (options.compression != Compression::Zlib)
        header.incompatible |= kCompressionType;
    if (options.lazyRefcounts == CreateOptions::LazyRefcounts::On)
        header.compatible |= kLazyRefcounts;
    const uint64_t l1Entries = header.l1EntriesFor(options.diskBytes);
    if (options.diskBytes > kMaxDiskBytes || l1Entries * 8 > kMaxL1Bytes)
        return fail(ErrorCode::LimitExceeded, "the disk is too large for this cluster size");
    header.l1Entries = static_cast<uint32_t>(l1Entries);
    if (!options.backingName.empty()) {
        header.backingFormat = options.backingFormat;
        header.backingNameOffset = TRY(placeBackingName(header, options.backingName));
        header.backingName = options.backingName;
    }
    return header;
}

Task<int> writeTables(AsyncFile& file, Header& header) {
    const Layout layout = layoutFor(header);
    const uint64_t clusterBytes = header.clusterBytes();
    const uint64_t blockEntries = clusterBytes * 8 >> header.refcountOrder;
    header.refcountTableOffset = clusterBytes;
    header.refcountTableClusters = static_cast<uint32_t>(layout.tableClusters);
    const uint64_t firstBlock = (1 + layout.tableClusters) * clusterBytes;
    header.l1Offset = firstBlock + layout.blocks * clusterBytes;

    int error = file.truncate(0);
    if (error == 0)
        error = file.truncate(layout.clusters() * clusterBytes); // table and L1 read as zeroes
    if (error != 0)
        co_return error;
    std::vector<uint8_t> blocks(layout.blocks * clusterBytes);
    for (uint64_t i = 0; i < layout.clusters(); ++i)
        writeRefcount(&blocks[i / blockEntries * clusterBytes], i % blockEntries,
                      header.refcountOrder, 1);
    std::vector<uint64_t> table(layout.blocks);
    for (uint64_t i = 0; i < layout.blocks; ++i)
        table[i] = byteSwap(firstBlock + i * clusterBytes);
    std::vector<uint8_t> first = serialiseHeader(header);
    if (!header.backingName.empty()) {
        first.resize(
            std::max<size_t>(first.size(), header.backingNameOffset + header.backingName.size()));
        std::memcpy(&first[header.backingNameOffset], header.backingName.data(),
                    header.backingName.size());
    }
    error = co_await file.write(firstBlock, blocks.data(), blocks.size());
    if (error == 0)
        error = co_await file.write(header.refcountTableOffset, table.data(), table.size() * 8);
    if (error == 0)
        error = co_await file.sync();
    // Last, so that a file which was cut off half-way is no qcow2 image.
    if (error == 0)
        error = co_await file.write(0, first.data(), first.size());
    if (error == 0)
        error = co_await file.sync();
    co_return error;
}

// A file that belongs to somebody else, for an Image that goes before it.
class BorrowedFile final : public AsyncFile {
public:
    explicit BorrowedFile(AsyncFile& file) : m_file(file) {}
    void start(IoOp& op) override { m_file.start(op); }
    uint64_t sizeBytes() override { return m_file.sizeBytes(); }
    int truncate(uint64_t sizeBytes) override { return m_file.truncate(sizeBytes); }

private:
    AsyncFile& m_file;
};

} // namespace

Task<Result<void>> createImage(IoLoop& loop, AsyncFile& file, CreateOptions options) {
    Result<void> valid = checkOptions(options);
    if (!valid)
        co_return valid;
    Result<Header> header = headerFor(options);
    if (!header)
        co_return std::move(header).error();
    if (serialiseHeader(*header).size() > header->clusterBytes())
        co_return fail(ErrorCode::LimitExceeded, "the qcow2 header does not fit into a cluster");
    int error = co_await writeTables(file, *header);
    if (error != 0)
        co_return systemError(error, "create disk image");
    if (options.preallocation == Preallocation::Off)
        co_return Result<void>{};
    Image::OpenResult image =
        co_await Image::open(loop, std::make_unique<BorrowedFile>(file), Image::Access::ReadWrite);
    if (!image)
        co_return std::move(image).error();
    const uint64_t tablesEnd = file.sizeBytes();
    error = co_await (*image)->allocateAll();
    image->reset();
    const uint64_t end = file.sizeBytes();
    if (error == 0 && options.preallocation == Preallocation::Falloc)
        error = co_await file.range(IoOp::Kind::Allocate, 0, end);
    if (error == 0 && options.preallocation == Preallocation::Full) {
        // L2 tables and refcount blocks are among the data: everything is written as it is.
        constexpr uint64_t kChunkBytes = 4 << 20;
        OwnedBytes chunk = allocateBytes(kChunkBytes);
        for (uint64_t at = tablesEnd; at < end && error == 0; at += kChunkBytes) {
            const uint64_t bytes = std::min(kChunkBytes, end - at);
            error = co_await file.read(at, chunk.get(), bytes);
            if (error == 0)
                error = co_await file.write(at, chunk.get(), bytes);
        }
    }
    if (error == 0)
        error = co_await file.sync();
    if (error != 0)
        co_return systemError(error, "preallocate disk image");
    co_return Result<void>{};
}

} // namespace vivarium::qcow2
