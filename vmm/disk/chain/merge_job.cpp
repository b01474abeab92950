#include "vmm/disk/chain/merge_job.h"

#include <algorithm>
#include <cerrno>

namespace vivarium {

namespace {

using Clear = qcow2::Image::Clear;

// Ends the observation whatever way the job ends.
class Observation {
public:
    Observation(LayerStack& stack, LayerStack::WriteObserver* observer) : m_stack(stack) {
        m_stack.setObserver(observer);
    }
    ~Observation() { m_stack.setObserver(nullptr); }
    Observation(const Observation&) = delete;
    Observation& operator=(const Observation&) = delete;

private:
    LayerStack& m_stack;
};

} // namespace

void MergeJob::written(uint64_t offset, uint64_t length) {
    if (length == 0)
        return;
    const uint64_t last = (offset + length - 1) / kBlockBytes;
    for (uint64_t block = offset / kBlockBytes; block <= last && block < m_dirty.size(); ++block)
        m_dirty[block] = true;
}

void MergeJob::report(uint64_t doneBytes) {
    if (m_request.progress)
        m_request.progress(std::min(doneBytes, m_totalBytes), m_totalBytes);
}

Task<Result<void>> MergeJob::run() {
    const size_t upper = m_request.upper;
    const bool commits = m_request.kind == MergeRequest::Kind::Commit;
    if (upper == 0 || upper >= m_stack.depth())
        co_return fail(ErrorCode::InvalidArgument, "the disk has no such layer to merge");
    Result<void> opened =
        co_await makeWritable(commits ? upper - 1 : upper, std::move(m_request.target));
    if (opened && commits && upper + 1 < m_stack.depth())
        opened = co_await makeWritable(upper + 1, std::move(m_request.above));
    if (!opened)
        co_return opened;
    m_totalBytes = m_stack.layer(upper).sizeBytes();
    report(0);
    int error = 0;
    if (commits)
        error = co_await commit();
    else
        error = co_await stream();
    if (error == ECANCELED)
        co_return fail(ErrorCode::Cancelled, "the merge was cancelled");
    if (error != 0)
        co_return systemError(error, "merge the layers of a disk");
    report(m_totalBytes);
    co_return Result<void>{};
}

Task<Result<void>> MergeJob::makeWritable(size_t index, std::unique_ptr<AsyncFile> file) {
    if (m_stack.layer(index).writable())
        co_return Result<void>{};
    if (!file)
        co_return fail(ErrorCode::InvalidArgument, "a layer to merge into is not open for writing");
    const ImageFormat format = m_stack.layer(index).format();
    LayerResult layer =
        co_await openLayer(m_stack.loop(), std::move(file), format, Layer::Access::ReadWrite);
    if (!layer)
        co_return std::move(layer).error();
    int error = co_await m_stack.freeze(LayerStack::Freeze::RequestsAndFlushes);
    std::unique_ptr<Layer> old = m_stack.replace(index, std::move(*layer));
    m_stack.layer(index).file().shareLock(); // as the old one was locked
    m_stack.thaw();
    if (error == 0)
        error = co_await old->close();
    if (error != 0)
        co_return systemError(error, "close disk layer");
    co_return Result<void>{};
}

Task<int> MergeJob::commitRow(const LayerExtent& extent, uint64_t offset, uint8_t* buffer) {
    const size_t upper = m_request.upper;
    Layer& source = m_stack.layer(upper);
    Layer& target = m_stack.layer(upper - 1);
    qcow2::BelowReader* below = m_stack.below(upper - 1);
    IoBuffers bytes(buffer, extent.lengthBytes);
    int error = 0;
    switch (extent.kind) {
    case LayerExtent::Kind::Unallocated:
        co_return 0;
    case LayerExtent::Kind::Zero:
        error = co_await target.clear(offset, extent.lengthBytes, Clear::Zero, below);
        co_return error;
    case LayerExtent::Kind::Data:
        error = co_await source.file().read(extent.hostOffset, buffer, extent.lengthBytes);
        break;
    case LayerExtent::Kind::Compressed:
        error = co_await source.readCompressed(extent, offset, bytes);
        break;
    }
    if (error == 0)
        error = co_await target.write(offset, bytes, below);
    co_return error;
}

Task<int> MergeJob::commitRange(uint64_t offset, uint64_t length) {
    Layer& source = m_stack.layer(m_request.upper);
    OwnedBytes buffer = allocateBytes(length);
    const uint64_t end = offset + length;
    while (offset < end) {
        qcow2::Image::Ticket ticket(*source.qcow2Image());
        Layer::Lookup row = co_await source.find(offset, end - offset, Layer::Detail::Format);
        int error = row.error;
        if (error == 0)
            error = co_await commitRow(row.extent, offset, buffer.get());
        if (error != 0)
            co_return error;
        offset += row.extent.lengthBytes;
    }
    co_return 0;
}

// Copies what the guest wrote meanwhile; `*leftBytes`: how much there was to copy.
Task<int> MergeJob::commitDirty(uint64_t* leftBytes) {
    *leftBytes = 0;
    for (uint64_t block = 0; block < m_dirty.size(); ++block) {
        if (!m_dirty[block])
            continue;
        m_dirty[block] = false; // what is written from here on is for the next round
        const uint64_t offset = block * kBlockBytes;
        const uint64_t bytes = std::min(kBlockBytes, m_totalBytes - offset);
        int error = co_await commitRange(offset, bytes);
        if (error == 0 && m_cancelled)
            error = ECANCELED;
        if (error != 0)
            co_return error;
        *leftBytes += bytes;
    }
    co_return 0;
}

Task<int> MergeJob::commit() {
    const size_t upper = m_request.upper;
    const bool active = upper + 1 == m_stack.depth();
    if (!m_stack.layer(upper).qcow2Image())
        co_return EINVAL;
    int error = 0;
    Layer& target = m_stack.layer(upper - 1);
    if (target.sizeBytes() != m_totalBytes)
        error = co_await target.resize(m_totalBytes, m_stack.below(upper - 1));
    Observation observation(m_stack, active ? this : nullptr);
    if (active)
        m_dirty.assign((m_totalBytes + kBlockBytes - 1) / kBlockBytes, false);
    for (uint64_t at = 0; at < m_totalBytes && error == 0; at += kChunkBytes) {
        error = co_await commitRange(at, std::min(kChunkBytes, m_totalBytes - at));
        report(at + kChunkBytes);
        co_await YieldTo(m_stack.loop());
        if (error == 0 && m_cancelled)
            error = ECANCELED;
    }
    // The guest may write as fast as this copies, so the number of rounds is limited.
    constexpr unsigned kRounds = 8;
    constexpr uint64_t kFewBytes = 4 << 20;
    uint64_t left = active ? ~uint64_t{0} : 0;
    for (unsigned round = 0; round < kRounds && left > kFewBytes && error == 0; ++round)
        error = co_await commitDirty(&left);
    if (error == 0)
        error = co_await target.flush();
    if (error == 0 && !active)
        error = co_await m_stack.layer(upper + 1).qcow2Image()->setBacking(m_request.backingName,
                                                                           m_request.backingFormat);
    if (error != 0)
        co_return error;
    error = co_await m_stack.freeze(LayerStack::Freeze::RequestsAndFlushes);
    if (error == 0 && active)
        error = co_await commitDirty(&left);
    if (error == 0 && active && left > 0)
        error = co_await target.flush();
    std::unique_ptr<Layer> gone;
    if (error == 0)
        gone = m_stack.take(upper);
    m_stack.thaw();
    co_return error;
}

Task<int> MergeJob::streamRange(uint64_t offset, uint64_t length) {
    const size_t upper = m_request.upper;
    const size_t lower = upper - 1;
    qcow2::Image& target = *m_stack.layer(upper).qcow2Image();
    const uint64_t end = offset + length;
    while (offset < end) {
        LayerExtent extent{LayerExtent::Kind::Zero, end - offset, 0, {}};
        const uint64_t lowerBytes = m_stack.layer(lower).sizeBytes();
        if (offset < lowerBytes) {
            Layer::Lookup row = co_await m_stack.layer(lower).find(
                offset, std::min(end, lowerBytes) - offset, Layer::Detail::Holes);
            if (row.error != 0)
                co_return row.error;
            extent = row.extent;
        }
        // What reads as zeroes in the base does so without it too.
        const bool needed = extent.kind != LayerExtent::Kind::Unallocated &&
                            (extent.kind != LayerExtent::Kind::Zero || lower > 0);
        int error = 0;
        if (needed)
            error = co_await target.fill(offset, extent.lengthBytes, *m_stack.below(upper));
        if (error != 0)
            co_return error;
        offset += extent.lengthBytes;
    }
    co_return 0;
}

Task<int> MergeJob::stream() {
    const size_t upper = m_request.upper;
    qcow2::Image* target = m_stack.layer(upper).qcow2Image();
    if (!target)
        co_return EINVAL;
    int error = 0;
    for (uint64_t at = 0; at < m_totalBytes && error == 0; at += kChunkBytes) {
        error = co_await streamRange(at, std::min(kChunkBytes, m_totalBytes - at));
        report(at + kChunkBytes);
        co_await YieldTo(m_stack.loop());
        if (error == 0 && m_cancelled)
            error = ECANCELED;
    }
    if (error == 0)
        error = co_await target->setBacking(m_request.backingName, m_request.backingFormat);
    if (error != 0)
        co_return error;
    error = co_await m_stack.freeze(LayerStack::Freeze::RequestsAndFlushes);
    std::unique_ptr<Layer> gone = m_stack.take(upper - 1);
    m_stack.thaw();
    co_return error;
}

} // namespace vivarium
