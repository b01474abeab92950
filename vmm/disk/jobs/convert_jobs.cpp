#include "vmm/disk/jobs/image_jobs.h"
#include "vmm/disk/jobs/job_context.h"

#include <algorithm>
#include <cerrno>

namespace vivarium {

namespace {

constexpr uint64_t kZeroUnitBytes = 4096; // smaller runs of zeroes are written as data

bool isZero(const uint8_t* bytes, uint64_t length) {
    return length == 0 ||
           (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, static_cast<size_t>(length - 1)) == 0);
}

// Writes to a new image what is not zero, in runs of whole units.
Task<int> writeSparse(Layer& target, uint64_t offset, uint8_t* bytes, uint64_t length,
                      uint64_t unit) {
    for (uint64_t at = 0; at < length;) {
        uint64_t end = at;
        while (end < length && isZero(bytes + end, std::min(unit, length - end)))
            end += std::min(unit, length - end);
        at = end;
        while (end < length && !isZero(bytes + end, std::min(unit, length - end)))
            end += std::min(unit, length - end);
        if (end == at)
            continue;
        int error = co_await target.write(offset + at, IoBuffers(bytes + at, end - at), nullptr);
        if (error != 0)
            co_return error;
        at = end;
    }
    co_return 0;
}

Task<int> packClusters(qcow2::Image& target, uint64_t offset, uint8_t* bytes, uint64_t length) {
    const uint64_t clusterBytes = target.clusterBytes();
    OwnedBytes padded;
    for (uint64_t at = 0; at < length; at += clusterBytes) {
        const uint64_t part = std::min(clusterBytes, length - at);
        const uint8_t* cluster = bytes + at;
        if (isZero(cluster, part))
            continue;
        if (part < clusterBytes) { // the disk's end
            padded = allocateZeroes(clusterBytes);
            std::memcpy(padded.get(), cluster, part);
            cluster = padded.get();
        }
        int error = co_await target.writeCompressed(offset + at, cluster);
        if (error != 0)
            co_return error;
    }
    co_return 0;
}

struct Copy {
    LayerStack& source;
    LayerStack& target; // one new layer, zeroes wherever it is not written
    size_t shared;      // layers of the source that the target has below it too
    bool pack;
};

// True when layers from `shared` up have something in the range; `*zero`: it is all zeroes.
Task<LayerStack::Row> ownRow(const Copy& copy, uint64_t offset, uint64_t length) {
    LayerStack::Row row;
    for (size_t i = copy.source.depth() - 1;; --i) {
        Layer& layer = copy.source.layer(i);
        row.layer = i;
        if (offset >= layer.sizeBytes()) {
            row.extent = {LayerExtent::Kind::Zero, length, 0, {}};
            co_return row;
        }
        Layer::Lookup found = co_await layer.find(
            offset, std::min(length, layer.sizeBytes() - offset), Layer::Detail::Holes);
        row.extent = found.extent;
        row.error = found.error;
        length = row.extent.lengthBytes;
        if (row.error != 0 || row.extent.kind != LayerExtent::Kind::Unallocated)
            co_return row;
        if (i == copy.shared)
            co_return row; // for shared == 0 nothing lies below: zeroes
    }
}

Task<int> copyChunk(Copy& copy, uint64_t offset, uint64_t length, uint8_t* buffer) {
    Layer& target = copy.target.top();
    qcow2::Image* qcow2Target = target.qcow2Image();
    const uint64_t unit =
        qcow2Target ? std::max(kZeroUnitBytes, qcow2Target->clusterBytes()) : kZeroUnitBytes;
    if (copy.pack) { // a packed cluster is written once, so that rows of the source do not matter
        bool zero = false;
        int error = co_await copy.source.readFrom(copy.source.depth() - 1, offset,
                                                  IoBuffers(buffer, length), &zero);
        if (error == 0 && !zero)
            error = co_await packClusters(*qcow2Target, offset, buffer, length);
        co_return error;
    }
    for (uint64_t at = 0; at < length;) {
        LayerStack::Row row = co_await ownRow(copy, offset + at, length - at);
        if (row.error != 0)
            co_return row.error;
        uint64_t bytes = row.extent.lengthBytes;
        if (copy.shared > 0) { // the target's clusters are whole
            const uint64_t cluster = qcow2Target->clusterBytes();
            if (row.extent.kind != LayerExtent::Kind::Unallocated && at + bytes < length)
                bytes = std::min(length, alignUp(offset + at + bytes, cluster) - offset) - at;
        }
        int error = 0;
        const bool zero = row.extent.kind == LayerExtent::Kind::Zero;
        if (row.extent.kind == LayerExtent::Kind::Unallocated || (zero && copy.shared == 0)) {
            at += bytes;
            continue;
        }
        bool allZero = false;
        IoBuffers buffers(buffer, bytes);
        error =
            co_await copy.source.readFrom(copy.source.depth() - 1, offset + at, buffers, &allZero);
        if (error == 0 && allZero)
            std::memset(buffer, 0, bytes);
        if (error != 0)
            co_return error;
        if (copy.shared > 0) {
            if (isZero(buffer, bytes)) {
                // "Unallocated" would show what the backing file has.
                error = co_await target.clear(offset + at, bytes, qcow2::Image::Clear::Zero,
                                              copy.source.below(copy.shared));
            } else {
                error = co_await target.write(offset + at, buffers, copy.source.below(copy.shared));
            }
        } else {
            error = co_await writeSparse(target, offset + at, buffer, bytes, unit);
        }
        if (error != 0)
            co_return error;
        at += bytes;
    }
    co_return 0;
}

Task<int> copyAll(JobContext& context, Copy& copy) {
    const uint64_t total = copy.source.sizeBytes();
    // Side by side, so that reading and writing overlap; packed clusters need their order.
    const size_t lanes = copy.pack ? 1 : 4;
    std::vector<OwnedBytes> buffers;
    for (size_t i = 0; i < lanes; ++i)
        buffers.push_back(allocateBytes(kJobChunkBytes));
    int result = 0;
    for (uint64_t at = 0; at < total && result == 0;) {
        std::vector<Task<int>> running;
        for (size_t lane = 0; lane < lanes && at < total; ++lane, at += kJobChunkBytes)
            running.push_back(
                copyChunk(copy, at, std::min(kJobChunkBytes, total - at), buffers[lane].get()));
        for (size_t i = 0; i < running.size(); ++i) {
            Task<int>& chunk = running[i];
            int error = co_await chunk;
            result = result == 0 ? error : result;
        }
        if (result == 0)
            result = context.step(at, total);
    }
    co_return result;
}

Result<void> copyTo(JobContext& context, LayerStack& source, UniqueFd fd, ImageFormat format,
                    const Qcow2Options& options, ConvertOptions::Pack pack, size_t shared) {
    auto file = TRY(context.file(std::move(fd), Layer::Access::ReadWrite));
    if (format == ImageFormat::Qcow2) {
        TRY(context.loop().runUntilDone(qcow2::createImage(context.loop(), *file, options)));
    } else {
        int error = file->truncate(0);
        if (error == 0)
            error = file->truncate(options.diskBytes);
        if (error != 0)
            return systemError(error, "create disk image");
    }
    std::vector<std::unique_ptr<Layer>> layers;
    layers.push_back(TRY(context.loop().runUntilDone(
        openLayer(context.loop(), std::move(file), format, Layer::Access::ReadWrite))));
    LayerStack target(context.loop(), std::move(layers));
    Copy copy{source, target, shared, pack == ConvertOptions::Pack::Yes};
    TRY(context.run(copyAll(context, copy), "convert disk image"));
    return context.close(target);
}

} // namespace

Result<void> convertImage(ImageChain source, UniqueFd target, const ConvertOptions& options,
                          const JobControl& control, size_t shared) {
    const bool backed = !options.qcow2.backingName.empty();
    if (backed != (shared > 0) || shared >= source.size())
        return fail(ErrorCode::InvalidArgument, "the shared layers contradict the backing file");
    if (options.format == ImageFormat::Raw && (backed || options.pack == ConvertOptions::Pack::Yes))
        return fail(ErrorCode::InvalidArgument, "a raw image is neither packed nor backed");
    if (backed && options.pack == ConvertOptions::Pack::Yes)
        return fail(ErrorCode::InvalidArgument, "an image with a backing file is not packed");
    auto context = TRY(JobContext::create(control));
    auto stack = TRY(context->open(std::move(source), JobContext::Writes::None));
    Qcow2Options qcow2Options = options.qcow2;
    qcow2Options.diskBytes = stack->sizeBytes();
    return copyTo(*context, *stack, std::move(target), options.format, qcow2Options, options.pack,
                  shared);
}

Result<CompactReport> compactImage(ImageChain chain, UniqueFd target, const JobControl& control) {
    if (chain.empty())
        return fail(ErrorCode::InvalidArgument, "there is no image");
    CompactReport report;
    report.bytesBefore = allocatedBytes(chain.back().fd.get());
    UniqueFd result = TRY(target.duplicate());
    auto context = TRY(JobContext::create(control));
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::None));
    Qcow2Options options;
    options.diskBytes = stack->sizeBytes();
    if (qcow2::Image* image = stack->top().qcow2Image()) {
        const qcow2::Header& header = image->header();
        if (header.snapshotCount > 0)
            return fail(ErrorCode::Unsupported,
                        "the image has internal snapshots, which would be lost");
        if (!header.backingName.empty() && stack->depth() == 1)
            return fail(ErrorCode::InvalidArgument, "the image's backing file is missing");
        options.clusterBytes = static_cast<uint32_t>(header.clusterBytes());
        options.version = header.version;
        options.refcountBits = 1U << header.refcountOrder;
        options.compression = header.compression;
        if (header.compatible & qcow2::kLazyRefcounts)
            options.lazyRefcounts = Qcow2Options::LazyRefcounts::On;
        options.backingName = header.backingName;
        options.backingFormat = header.backingFormat;
        if (!options.backingName.empty() && options.backingFormat.empty())
            options.backingFormat = imageFormatName(stack->layer(stack->depth() - 2).format());
    }
    TRY(copyTo(*context, *stack, std::move(target), stack->top().format(), options,
               ConvertOptions::Pack::No, stack->depth() - 1));
    report.bytesAfter = allocatedBytes(result.get());
    return report;
}

namespace {

// Copies into the top image what the new backing file would show otherwise.
Task<int> copyDifferences(JobContext& context, LayerStack& stack, LayerStack* below) {
    const size_t top = stack.depth() - 1;
    Layer& image = stack.top();
    const uint64_t total = image.sizeBytes();
    const uint64_t unit = image.qcow2Image()->clusterBytes();
    OwnedBytes oldBytes = allocateBytes(unit);
    OwnedBytes newBytes = allocateBytes(unit);
    for (uint64_t at = 0; at < total;) {
        Layer::Lookup row = co_await image.find(at, total - at, Layer::Detail::Format);
        int error = row.error;
        if (error != 0)
            co_return error;
        if (row.extent.kind != LayerExtent::Kind::Unallocated) {
            at += row.extent.lengthBytes;
            continue;
        }
        const uint64_t bytes = std::min({unit - at % unit, total - at, row.extent.lengthBytes});
        bool oldZero = true;
        bool newZero = true;
        if (top > 0)
            error =
                co_await stack.readFrom(top - 1, at, IoBuffers(oldBytes.get(), bytes), &oldZero);
        if (error == 0 && below && at < below->sizeBytes())
            error = co_await below->readFrom(below->depth() - 1, at,
                                             IoBuffers(newBytes.get(), bytes), &newZero);
        if (error != 0)
            co_return error;
        if (oldZero)
            std::memset(oldBytes.get(), 0, bytes);
        if (newZero)
            std::memset(newBytes.get(), 0, bytes);
        const bool differs = std::memcmp(oldBytes.get(), newBytes.get(), bytes) != 0;
        if (differs && isZero(oldBytes.get(), bytes))
            error = co_await image.clear(at, bytes, qcow2::Image::Clear::Zero, stack.below(top));
        else if (differs)
            error = co_await image.write(at, IoBuffers(oldBytes.get(), bytes), stack.below(top));
        at += bytes;
        if (error == 0)
            error = context.step(at, total);
        if (error != 0)
            co_return error;
    }
    co_return 0;
}

} // namespace

Result<void> rebaseImage(ImageChain chain, ImageChain below, const std::string& backingName,
                         const std::string& backingFormat, const JobControl& control) {
    if (chain.empty() || chain.back().format != ImageFormat::Qcow2)
        return fail(ErrorCode::InvalidArgument, "only a qcow2 image has a backing file");
    if (below.empty() != backingName.empty())
        return fail(ErrorCode::InvalidArgument,
                    "the new backing file needs a name, and a name a file");
    auto context = TRY(JobContext::create(control));
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::Top));
    std::unique_ptr<LayerStack> newBelow;
    if (!below.empty())
        newBelow = TRY(context->open(std::move(below), JobContext::Writes::None));
    TRY(context->run(copyDifferences(*context, *stack, newBelow.get()), "rebase disk image"));
    TRY(context->run(stack->top().qcow2Image()->setBacking(backingName, backingFormat),
                     "rebase disk image"));
    return context->close(*stack);
}

} // namespace vivarium
