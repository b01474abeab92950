#include "vmm/disk/jobs/image_jobs.h"
#include "vmm/disk/jobs/job_context.h"

#include <algorithm>
#include <cerrno>

namespace vivarium {

namespace {

Task<int> walkMap(JobContext& context, LayerStack& stack, std::vector<MapExtent>& out) {
    const uint64_t total = stack.sizeBytes();
    for (uint64_t at = 0; at < total;) {
        LayerStack::Row row =
            co_await stack.find(stack.depth() - 1, at, total - at, Layer::Detail::Holes);
        if (row.error != 0)
            co_return row.error;
        MapExtent extent;
        extent.offsetBytes = at;
        extent.lengthBytes = row.extent.lengthBytes;
        extent.layer = row.layer;
        switch (row.extent.kind) {
        case LayerExtent::Kind::Unallocated:
            extent.kind = MapExtent::Kind::Unallocated;
            break;
        case LayerExtent::Kind::Zero:
            extent.kind = MapExtent::Kind::Zero;
            break;
        case LayerExtent::Kind::Data:
            extent.kind = MapExtent::Kind::Data;
            extent.hostOffset = row.extent.hostOffset;
            break;
        case LayerExtent::Kind::Compressed:
            extent.kind = MapExtent::Kind::Compressed;
            break;
        }
        at += extent.lengthBytes;
        const bool follows =
            !out.empty() && out.back().kind == extent.kind && out.back().layer == extent.layer &&
            (!extent.hostOffset ||
             *out.back().hostOffset + out.back().lengthBytes == *extent.hostOffset);
        if (follows)
            out.back().lengthBytes += extent.lengthBytes;
        else
            out.push_back(extent);
        int error = context.step(at, total);
        if (error != 0)
            co_return error;
    }
    co_return 0;
}

// The next bytes of a disk; beyond its end zeroes.
Task<int> readPadded(LayerStack& stack, uint64_t offset, uint8_t* bytes, uint64_t length,
                     bool* zero) {
    const uint64_t inside =
        offset < stack.sizeBytes() ? std::min(length, stack.sizeBytes() - offset) : 0;
    *zero = true;
    int error = 0;
    if (inside > 0)
        error = co_await stack.readFrom(stack.depth() - 1, offset, IoBuffers(bytes, inside), zero);
    if (*zero)
        std::memset(bytes, 0, length);
    else
        std::memset(bytes + inside, 0, length - inside);
    co_return error;
}

Task<int> findDifference(JobContext& context, LayerStack& a, LayerStack& b, uint64_t total,
                         std::optional<uint64_t>& difference) {
    OwnedBytes left = allocateBytes(kJobChunkBytes);
    OwnedBytes right = allocateBytes(kJobChunkBytes);
    for (uint64_t at = 0; at < total; at += kJobChunkBytes) {
        const uint64_t bytes = std::min(kJobChunkBytes, total - at);
        bool leftZero = false;
        bool rightZero = false;
        Task<int> leftRead = readPadded(a, at, left.get(), bytes, &leftZero);
        Task<int> rightRead = readPadded(b, at, right.get(), bytes, &rightZero);
        int error = co_await leftRead;
        int rightError = co_await rightRead;
        if (error == 0)
            error = rightError;
        if (error == 0)
            error = context.step(at + bytes, total);
        if (error != 0)
            co_return error;
        if ((leftZero && rightZero) || std::memcmp(left.get(), right.get(), bytes) == 0)
            continue;
        const uint8_t* where = std::mismatch(left.get(), left.get() + bytes, right.get()).first;
        difference = at + static_cast<uint64_t>(where - left.get());
        co_return 0;
    }
    co_return 0;
}

} // namespace

Result<std::vector<MapExtent>> mapChain(ImageChain chain, const JobControl& control) {
    auto context = TRY(JobContext::create(control));
    auto stack = TRY(context->open(std::move(chain), JobContext::Writes::None));
    std::vector<MapExtent> extents;
    TRY(context->run(walkMap(*context, *stack, extents), "map disk image"));
    return extents;
}

Result<std::optional<uint64_t>> compareChains(ImageChain a, ImageChain b, SizeDifference sizes,
                                              const JobControl& control) {
    auto context = TRY(JobContext::create(control));
    auto left = TRY(context->open(std::move(a), JobContext::Writes::None));
    auto right = TRY(context->open(std::move(b), JobContext::Writes::None));
    const uint64_t shorter = std::min(left->sizeBytes(), right->sizeBytes());
    const uint64_t longer = std::max(left->sizeBytes(), right->sizeBytes());
    std::optional<uint64_t> difference;
    const uint64_t total = sizes == SizeDifference::Counts ? shorter : longer;
    TRY(context->run(findDifference(*context, *left, *right, total, difference),
                     "compare disk images"));
    if (!difference && shorter != longer && sizes == SizeDifference::Counts)
        difference = shorter;
    return difference;
}

} // namespace vivarium
