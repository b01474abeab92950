#include "vmm/disk/jobs/image_jobs.h"

#include "vmm/disk/jobs/job_context.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace vivarium {

Result<ImageFormat> apparentFormat(const UniqueFd& fd) {
    uint8_t magic[4] = {};
    if (::pread(fd.get(), magic, sizeof magic, 0) < 0)
        return systemError(errno, "read disk image");
    return loadBe<uint32_t>(magic) == qcow2::kMagic ? ImageFormat::Qcow2 : ImageFormat::Raw;
}

Result<ImageInfo> imageInfo(ImageFile image) {
    const JobControl control;
    auto context = TRY(JobContext::create(control));
    ImageInfo info;
    info.format = image.format;
    info.allocatedBytes = allocatedBytes(image.fd.get());
    ImageChain chain;
    chain.push_back(std::move(image));
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::None));
    info.diskBytes = stack->sizeBytes();
    info.fileBytes = stack->top().file().sizeBytes();
    qcow2::Image* qcow2Image = stack->top().qcow2Image();
    if (!qcow2Image)
        return info;
    const qcow2::Header& header = qcow2Image->header();
    info.version = header.version;
    info.clusterBytes = static_cast<uint32_t>(header.clusterBytes());
    info.refcountBits = 1U << header.refcountOrder;
    info.compression = header.compression;
    info.lazyRefcounts = (header.compatible & qcow2::kLazyRefcounts) != 0;
    info.dirty = (header.incompatible & qcow2::kDirty) != 0;
    info.corrupt = (header.incompatible & qcow2::kCorrupt) != 0;
    info.backingName = header.backingName;
    info.backingFormat = header.backingFormat;
    info.snapshots = qcow2Image->snapshots();
    return info;
}

Result<void> createQcow2(UniqueFd fd, const Qcow2Options& options) {
    const JobControl control;
    auto context = TRY(JobContext::create(control));
    auto file = TRY(context->file(std::move(fd), Layer::Access::ReadWrite));
    return context->loop().runUntilDone(qcow2::createImage(context->loop(), *file, options));
}

namespace {

// Makes [from, to) of a raw file what `preallocation` asks for.
Task<int> preallocateRaw(AsyncFile& file, uint64_t from, uint64_t to, Preallocation preallocation) {
    int error = 0;
    if (from >= to)
        co_return 0;
    if (preallocation == Preallocation::Falloc)
        error = co_await file.range(IoOp::Kind::Allocate, from, to - from);
    if (preallocation == Preallocation::Full) {
        OwnedBytes zeroes = allocateZeroes(kJobChunkBytes);
        for (uint64_t at = from; at < to && error == 0; at += kJobChunkBytes)
            error = co_await file.write(at, zeroes.get(), std::min(kJobChunkBytes, to - at));
    }
    if (error == 0)
        error = co_await file.sync();
    co_return error;
}

} // namespace

Result<void> createRaw(UniqueFd fd, uint64_t diskBytes, Preallocation preallocation) {
    const JobControl control;
    if (diskBytes % 512 != 0)
        return fail(ErrorCode::InvalidArgument, "the disk size must be a multiple of 512 bytes");
    auto context = TRY(JobContext::create(control));
    auto file = TRY(context->file(std::move(fd), Layer::Access::ReadWrite));
    int error = file->truncate(0);
    if (error == 0)
        error = file->truncate(diskBytes);
    if (error != 0)
        return systemError(error, "create disk image");
    return context->run(preallocateRaw(*file, 0, diskBytes, preallocation), "create disk image");
}

Result<CheckReport> checkQcow2(UniqueFd fd, Repair repair, const JobControl& control) {
    auto context = TRY(JobContext::create(control));
    const bool writes = repair != Repair::None;
    auto file = TRY(
        context->file(std::move(fd), writes ? Layer::Access::ReadWrite : Layer::Access::ReadOnly));
    auto image = TRY(context->loop().runUntilDone(qcow2::Image::open(
        context->loop(), std::move(file),
        writes ? qcow2::Image::Access::ReadWrite : qcow2::Image::Access::ReadOnly,
        qcow2::Image::Use::Repair)));
    const qcow2::JobProgress progress = [&](uint64_t done, uint64_t total) {
        return context->step(done, total) == 0;
    };
    return context->loop().runUntilDone(qcow2::checkImage(*image, repair, &progress));
}

Result<void> resizeImage(ImageChain chain, uint64_t diskBytes, Shrink shrink,
                         Preallocation preallocation) {
    const JobControl control;
    if (diskBytes == 0 || diskBytes % 512 != 0)
        return fail(ErrorCode::InvalidArgument, "the disk size must be a multiple of 512 bytes");
    auto context = TRY(JobContext::create(control));
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::Top));
    const uint64_t oldBytes = stack->sizeBytes();
    if (diskBytes < oldBytes && shrink == Shrink::Refuse)
        return fail(ErrorCode::InvalidArgument, "the disk would become smaller and lose its end");
    const bool raw = stack->top().format() == ImageFormat::Raw;
    if (!raw && preallocation != Preallocation::Off)
        return fail(ErrorCode::InvalidArgument,
                    "only raw images can be preallocated when they grow");
    TRY(context->run(stack->resize(diskBytes), "resize disk image"));
    if (raw)
        TRY(context->run(preallocateRaw(stack->top().file(), oldBytes, diskBytes, preallocation),
                         "resize disk image"));
    return context->close(*stack);
}

Result<void> setBackingFile(UniqueFd qcow2Fd, const std::string& backingName,
                            const std::string& backingFormat) {
    const JobControl control;
    auto context = TRY(JobContext::create(control));
    ImageChain chain;
    chain.push_back({std::move(qcow2Fd), ImageFormat::Qcow2});
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::Top));
    TRY(context->run(stack->top().qcow2Image()->setBacking(backingName, backingFormat),
                     "change the backing file"));
    return context->close(*stack);
}

namespace {

Task<int> commitTop(JobContext& context, LayerStack& stack) {
    const size_t top = stack.depth() - 1;
    Layer& source = stack.layer(top);
    Layer& target = stack.layer(top - 1);
    const uint64_t total = source.sizeBytes();
    int error = 0;
    if (target.sizeBytes() < total)
        error = co_await target.resize(total, stack.below(top - 1));
    OwnedBytes buffer = allocateBytes(kJobChunkBytes);
    for (uint64_t at = 0; at < total && error == 0;) {
        Layer::Lookup row =
            co_await source.find(at, std::min(kJobChunkBytes, total - at), Layer::Detail::Format);
        error = row.error;
        if (error != 0)
            break;
        const uint64_t bytes = row.extent.lengthBytes;
        IoBuffers buffers(buffer.get(), bytes);
        if (row.extent.kind == LayerExtent::Kind::Zero) {
            error =
                co_await target.clear(at, bytes, qcow2::Image::Clear::Zero, stack.below(top - 1));
        } else if (row.extent.kind != LayerExtent::Kind::Unallocated) {
            error = co_await stack.readFrom(top, at, buffers, nullptr);
            if (error == 0)
                error = co_await target.write(at, buffers, stack.below(top - 1));
        }
        at += bytes;
        if (error == 0)
            error = context.step(at, total);
    }
    co_return error;
}

} // namespace

Result<void> commitImage(ImageChain chain, const JobControl& control) {
    if (chain.size() < 2)
        return fail(ErrorCode::InvalidArgument, "the image has no backing file");
    auto context = TRY(JobContext::create(control));
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::TopTwo));
    TRY(context->run(commitTop(*context, *stack), "commit disk image"));
    return context->close(*stack);
}

} // namespace vivarium
