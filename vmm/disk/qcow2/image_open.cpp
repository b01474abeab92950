#include "vmm/disk/qcow2/image.h"

#include "vmm/disk/qcow2/check.h"

#include <algorithm>
#include <cerrno>

namespace vivarium::qcow2 {

namespace {

Error damaged(const std::string& what) {
    return fail(ErrorCode::Corrupt, "the qcow2 image is damaged: " + what);
}

} // namespace

Image::Image(IoLoop& loop, std::unique_ptr<AsyncFile> file, Header header, Access access)
    : m_file(std::move(file)), m_context(loop, *m_file, std::move(header)), m_refcounts(m_context),
      m_map(m_context, m_refcounts), m_locks(loop), m_writeBackMutex(loop), m_packMutex(loop) {
    m_context.writable = access == Access::ReadWrite;
    // The last cluster is not always written to its end.
    m_context.fileEndBytes = alignUp(m_file->sizeBytes(), m_context.clusterBytes());
}

Image::~Image() = default;

Task<Image::OpenResult> Image::open(IoLoop& loop, std::unique_ptr<AsyncFile> file, Access access,
                                    Use use) {
    OpenResult opened = co_await openOnce(loop, file, access, use);
    if (!opened || use == Use::Repair || access == Access::ReadOnly)
        co_return std::move(opened);
    if (((*opened)->header().incompatible & kDirty) == 0)
        co_return std::move(opened);
    // The dirty bit: refcounts were not kept up to date by whoever wrote last.
    Result<CheckReport> repaired = co_await checkImage(**opened, Repair::All, nullptr);
    if (!repaired)
        co_return std::move(repaired).error();
    file = std::move((*opened)->m_file);
    opened->reset();
    OpenResult again = co_await openOnce(loop, file, access, use);
    if (again && ((*again)->header().incompatible & kDirty) != 0)
        co_return damaged("its reference counts cannot be repaired");
    co_return std::move(again);
}

Task<Image::OpenResult> Image::openOnce(IoLoop& loop, std::unique_ptr<AsyncFile>& file,
                                        Access access, Use use) {
    const uint64_t fileBytes = file->sizeBytes();
    std::vector<uint8_t> bytes(kHeaderPrefixBytes);
    int error = co_await file->read(0, bytes.data(), bytes.size());
    if (error != 0)
        co_return systemError(error, "read disk image");
    Result<uint64_t> clusterBytes = headerClusterBytes(bytes);
    if (!clusterBytes)
        co_return std::move(clusterBytes).error();
    bytes.resize(std::min(*clusterBytes, fileBytes));
    error = co_await file->read(0, bytes.data(), bytes.size());
    if (error != 0)
        co_return systemError(error, "read disk image");
    Result<Header> header =
        parseHeader(bytes, fileBytes, use == Use::Repair ? HeaderUse::Repair : HeaderUse::Normal);
    if (!header)
        co_return std::move(header).error();
    if (access == Access::ReadWrite && use == Use::Normal && (header->incompatible & kCorrupt) != 0)
        co_return damaged("it is marked corrupt and must be repaired before it is written to");
    // A dirty image is opened for repair first.
    const bool dirty =
        access == Access::ReadWrite && use == Use::Normal && (header->incompatible & kDirty) != 0;
    if (dirty)
        use = Use::Repair;
    std::unique_ptr<Image> image(new Image(loop, std::move(file), std::move(*header), access));
    if (use == Use::Repair && image->m_context.header.refcountTableClusters > 0 &&
        !rangeFits(image->m_context.header.refcountTableOffset,
                   uint64_t{image->m_context.header.refcountTableClusters}
                       << image->header().clusterBits,
                   fileBytes))
        co_return damaged("the refcount table lies outside the file");
    image->m_context.repairing = use == Use::Repair;
    error = co_await image->m_refcounts.load();
    if (error == 0)
        error = co_await image->m_map.load();
    if (error != 0)
        co_return systemError(error, "read the tables of the disk image");
    Result<void> loaded = co_await image->loadSnapshots(use);
    if (!loaded)
        co_return std::move(loaded).error();
    if (access == Access::ReadOnly)
        co_return std::move(image);
    Result<void> registered = image->registerMetadata();
    if (dirty && !registered) // tables that overlap would make the repair's work unbounded
        co_return std::move(registered).error();
    if (use == Use::Repair)
        co_return std::move(image);
    if (registered)
        registered = co_await image->checkOwnRefcounts();
    if (!registered)
        co_return std::move(registered).error();
    if (image->m_context.header.autoclear != 0) {
        // The specification, autoclear_features: cleared before an image is written to.
        image->m_context.header.autoclear = 0;
        error = co_await image->m_context.writeFeatures();
        if (error != 0)
            co_return systemError(error, "write the header of the disk image");
    }
    co_return std::move(image);
}

Task<Result<void>> Image::loadSnapshots(Use use) {
    const Header& header = m_context.header;
    if (header.snapshotCount == 0)
        co_return Result<void>{};
    constexpr uint64_t kLongestEntry = 40 + kMaxSnapshotExtraBytes + 2 * 65535 + 7;
    const uint64_t offset = header.snapshotsOffset;
    if (offset >= m_context.fileEndBytes)
        co_return damaged("the snapshot table lies outside the file");
    const uint64_t bytes = std::min({m_context.fileEndBytes - offset,
                                     header.snapshotCount * kLongestEntry, kMaxSnapshotTableBytes});
    std::vector<uint8_t> table(bytes);
    int error = co_await m_file->read(offset, table.data(), table.size());
    if (error != 0)
        co_return systemError(error, "read the snapshots of the disk image");
    Result<SnapshotTable> parsed = parseSnapshotTable(table, header.snapshotCount);
    if (!parsed)
        co_return std::move(parsed).error();
    m_snapshots = std::move(*parsed);
    for (const Snapshot& snapshot : m_snapshots.snapshots) {
        const uint64_t l1Bytes = uint64_t{snapshot.l1Entries} * 8;
        if (l1Bytes > kMaxL1Bytes)
            co_return fail(ErrorCode::LimitExceeded, "a snapshot's L1 table is too large");
        if (m_context.offsetInCluster(snapshot.l1Offset) != 0 ||
            !rangeFits(snapshot.l1Offset, l1Bytes, m_context.fileEndBytes)) {
            if (use == Use::Normal && m_context.writable)
                co_return damaged("a snapshot's L1 table is misplaced");
        }
    }
    co_return Result<void>{};
}

Result<void> Image::registerMetadata() {
    const Header& header = m_context.header;
    MetadataMap& metadata = m_context.metadata;
    const uint64_t clusterBytes = header.clusterBytes();
    auto clusters = [&](uint64_t bytes) { return (bytes + clusterBytes - 1) / clusterBytes; };
    bool fine = true;
    auto add = [&](MetadataKind kind, uint64_t offset, uint64_t count) {
        fine = metadata.add(kind, m_context.clusterOf(offset), count) && fine;
    };
    auto addTable = [&](MetadataKind kind, uint64_t offset) {
        if (offset == 0)
            return;
        fine = fine && m_context.offsetInCluster(offset) == 0 && offset < m_context.fileEndBytes;
        add(kind, offset, 1);
    };
    add(MetadataKind::Header, 0, 1);
    add(MetadataKind::RefcountTable, header.refcountTableOffset, header.refcountTableClusters);
    add(MetadataKind::ActiveL1, header.l1Offset, clusters(uint64_t{header.l1Entries} * 8));
    if (header.snapshotCount > 0)
        add(MetadataKind::SnapshotTable, header.snapshotsOffset, clusters(m_snapshots.bytes));
    for (const Snapshot& snapshot : m_snapshots.snapshots)
        add(MetadataKind::SnapshotL1, snapshot.l1Offset,
            clusters(uint64_t{snapshot.l1Entries} * 8));
    for (uint64_t entry : m_refcounts.table())
        addTable(MetadataKind::RefcountBlock, entry & kRefcountOffsetMask);
    for (uint64_t entry : m_map.l1())
        addTable(MetadataKind::ActiveL2, entry & kOffsetMask);
    if (!fine)
        return damaged("its tables overlap or lie outside the file");
    return {};
}

// Tables that the refcounts call free would be overwritten by the next allocation.
Task<Result<void>> Image::checkOwnRefcounts() {
    const Header& header = m_context.header;
    const uint64_t l1First = m_context.clusterOf(header.l1Offset);
    const uint64_t l1Count =
        (uint64_t{header.l1Entries} * 8 + header.clusterBytes() - 1) / header.clusterBytes();
    const uint64_t tableFirst = m_context.clusterOf(header.refcountTableOffset);
    struct Range {
        uint64_t first;
        uint64_t count;
    };
    const Range ranges[] = {{0, 1}, {l1First, l1Count}, {tableFirst, header.refcountTableClusters}};
    for (const Range& range : ranges) {
        for (uint64_t i = 0; i < range.count; ++i) {
            Refcounts::Value value = co_await m_refcounts.get(range.first + i);
            if (value.error != 0)
                co_return damaged("its reference counts cannot be read");
            if (value.count == 0)
                co_return damaged("its own tables are marked as free");
        }
    }
    co_return Result<void>{};
}

} // namespace vivarium::qcow2
