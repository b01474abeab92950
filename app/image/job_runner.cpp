#include "app/image/job_runner.h"

#include "app/image/image_detection.h"
#include "vmm/disk/jobs/image_jobs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <sys/stat.h>

namespace vivarium::image {

namespace {

// The descriptors that came with a request, each taken at most once.
class Descriptors {
public:
    explicit Descriptors(std::vector<UniqueFd> files) : m_files(std::move(files)) {}

    Result<UniqueFd> take(int index) {
        if (index < 0 || static_cast<size_t>(index) >= m_files.size() ||
            !m_files[static_cast<size_t>(index)])
            return fail(ErrorCode::InvalidArgument, "a file of the job is missing");
        return std::move(m_files[static_cast<size_t>(index)]);
    }
    Result<ImageChain> chain(const std::vector<control::ImageConfig>& images) {
        ImageChain result;
        for (const control::ImageConfig& image : images)
            result.push_back({TRY(take(image.fd)), format(image.format)});
        return result;
    }
    static ImageFormat format(control::DiskFormat format) {
        return format == control::DiskFormat::Qcow2 ? ImageFormat::Qcow2 : ImageFormat::Raw;
    }

private:
    std::vector<UniqueFd> m_files;
};

struct Job {
    Descriptors descriptors;
    JobOutput& output;
    JobControl control;
};

Preallocation preallocation(control::ImagePreallocation value) {
    switch (value) {
    case control::ImagePreallocation::Off:
        return Preallocation::Off;
    case control::ImagePreallocation::Metadata:
        return Preallocation::Metadata;
    case control::ImagePreallocation::Falloc:
        return Preallocation::Falloc;
    case control::ImagePreallocation::Full:
        return Preallocation::Full;
    }
    return Preallocation::Off;
}

Repair repair(control::ImageRepair value) {
    switch (value) {
    case control::ImageRepair::None:
        return Repair::None;
    case control::ImageRepair::Leaks:
        return Repair::Leaks;
    case control::ImageRepair::All:
        return Repair::All;
    }
    return Repair::None;
}

Qcow2Options qcow2Options(const control::ImageShape& shape) {
    Qcow2Options options;
    options.diskBytes = shape.diskBytes;
    options.clusterBytes = shape.clusterBytes;
    options.version = shape.version;
    options.refcountBits = shape.refcountBits;
    options.compression = shape.compression == control::ImageCompression::Zstd
                              ? qcow2::Compression::Zstd
                              : qcow2::Compression::Zlib;
    options.lazyRefcounts =
        shape.lazyRefcounts ? Qcow2Options::LazyRefcounts::On : Qcow2Options::LazyRefcounts::Off;
    options.preallocation = preallocation(shape.preallocation);
    options.backingName = shape.backingName;
    options.backingFormat = shape.backingFormat;
    return options;
}

uint64_t allocated(const UniqueFd& fd, uint64_t* fileBytes) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        return 0;
    *fileBytes = static_cast<uint64_t>(status.st_size);
    return static_cast<uint64_t>(status.st_blocks) * 512;
}

Result<control::ImageInfo> run(Job& job, const control::InspectImage& request) {
    UniqueFd fd = TRY(job.descriptors.take(request.fd));
    control::ImageInfo info;
    info.kind =
        request.kind == control::ImageKind::Detect ? TRY(detectImageKind(fd)) : request.kind;
    if (control::isForeign(info.kind)) { // the rest is for a process that may run qemu-img
        TRY(checkSelfContained(fd, info.kind));
        info.allocatedBytes = allocated(fd, &info.fileBytes);
        return info;
    }
    const ImageFormat format =
        info.kind == control::ImageKind::Qcow2 ? ImageFormat::Qcow2 : ImageFormat::Raw;
    const ImageInfo found = TRY(imageInfo({std::move(fd), format}));
    info.diskBytes = found.diskBytes;
    info.fileBytes = found.fileBytes;
    info.allocatedBytes = found.allocatedBytes;
    info.version = found.version;
    info.clusterBytes = found.clusterBytes;
    info.refcountBits = found.refcountBits;
    info.compression = found.compression == qcow2::Compression::Zstd
                           ? control::ImageCompression::Zstd
                           : control::ImageCompression::Zlib;
    info.lazyRefcounts = found.lazyRefcounts;
    info.dirty = found.dirty;
    info.corrupt = found.corrupt;
    info.backingName = found.backingName;
    info.backingFormat = found.backingFormat;
    info.snapshotCount = static_cast<uint32_t>(found.snapshots.size());
    // All in one line: names are cut so that it stays below the protocol's bound.
    constexpr size_t kShownNameBytes = 128;
    constexpr size_t kShownIdBytes = 32;
    for (const qcow2::Snapshot& snapshot : found.snapshots) {
        if (info.snapshots.size() == control::kMaxListedSnapshots)
            break;
        info.snapshots.push_back({snapshot.id.substr(0, kShownIdBytes),
                                  snapshot.name.substr(0, kShownNameBytes), snapshot.dateSeconds,
                                  snapshot.stateBytes, snapshot.diskBytes});
    }
    return info;
}

Result<control::CreateImage::Reply> run(Job& job, const control::CreateImage& request) {
    UniqueFd target = TRY(job.descriptors.take(request.targetFd));
    if (request.shape.format == control::DiskFormat::Raw)
        TRY(createRaw(std::move(target), request.shape.diskBytes,
                      preallocation(request.shape.preallocation)));
    else
        TRY(createQcow2(std::move(target), qcow2Options(request.shape)));
    return control::CreateImage::Reply{};
}

Result<control::ImageCheck> run(Job& job, const control::CheckImage& request) {
    UniqueFd fd = TRY(job.descriptors.take(request.fd));
    CheckReport report = TRY(checkQcow2(std::move(fd), repair(request.repair), job.control));
    control::ImageCheck check;
    check.leaks = report.leaks;
    check.corruptions = report.corruptions;
    check.leaksFixed = report.leaksFixed;
    check.corruptionsFixed = report.corruptionsFixed;
    check.allocatedClusters = report.allocatedClusters;
    check.compressedClusters = report.compressedClusters;
    check.fragmentedClusters = report.fragmentedClusters;
    check.totalClusters = report.totalClusters;
    check.imageEndBytes = report.imageEndBytes;
    check.findings = std::move(report.findings);
    return check;
}

Result<control::ConvertImage::Reply> run(Job& job, const control::ConvertImage& request) {
    ConvertOptions options;
    options.format = Descriptors::format(request.shape.format);
    options.qcow2 = qcow2Options(request.shape);
    options.pack = request.pack ? ConvertOptions::Pack::Yes : ConvertOptions::Pack::No;
    UniqueFd target = TRY(job.descriptors.take(request.targetFd));
    TRY(convertImage(TRY(job.descriptors.chain(request.source)), std::move(target), options,
                     job.control, request.shared));
    return control::ConvertImage::Reply{};
}

Result<control::ResizeImage::Reply> run(Job& job, const control::ResizeImage& request) {
    TRY(resizeImage(TRY(job.descriptors.chain(request.images)), request.diskBytes,
                    request.shrink == control::ImageShrink::Allow ? Shrink::Allow : Shrink::Refuse,
                    preallocation(request.preallocation)));
    return control::ResizeImage::Reply{};
}

Result<control::CompactResult> run(Job& job, const control::CompactImage& request) {
    UniqueFd target = TRY(job.descriptors.take(request.targetFd));
    const CompactReport report = TRY(
        compactImage(TRY(job.descriptors.chain(request.images)), std::move(target), job.control));
    return control::CompactResult{report.bytesBefore, report.bytesAfter};
}

Result<control::RebaseImage::Reply> run(Job& job, const control::RebaseImage& request) {
    if (request.nameOnly)
        TRY(setBackingFile(TRY(job.descriptors.take(request.images.back().fd)), request.backingName,
                           request.backingFormat));
    else
        TRY(rebaseImage(TRY(job.descriptors.chain(request.images)),
                        TRY(job.descriptors.chain(request.below)), request.backingName,
                        request.backingFormat, job.control));
    return control::RebaseImage::Reply{};
}

Result<control::CommitImage::Reply> run(Job& job, const control::CommitImage& request) {
    TRY(commitImage(TRY(job.descriptors.chain(request.images)), job.control));
    return control::CommitImage::Reply{};
}

control::ImageExtentKind extentKind(MapExtent::Kind kind) {
    switch (kind) {
    case MapExtent::Kind::Unallocated:
        return control::ImageExtentKind::Unallocated;
    case MapExtent::Kind::Zero:
        return control::ImageExtentKind::Zero;
    case MapExtent::Kind::Data:
        return control::ImageExtentKind::Data;
    case MapExtent::Kind::Compressed:
        return control::ImageExtentKind::Compressed;
    }
    return control::ImageExtentKind::Data;
}

Result<control::MapImage::Reply> run(Job& job, const control::MapImage& request) {
    const std::vector<MapExtent> extents =
        TRY(mapChain(TRY(job.descriptors.chain(request.images)), job.control));
    control::ImageExtents event;
    for (const MapExtent& extent : extents) {
        event.extents.push_back(
            {extentKind(extent.kind), extent.offsetBytes, extent.lengthBytes,
             static_cast<uint32_t>(extent.layer),
             extent.hostOffset ? static_cast<int64_t>(*extent.hostOffset) : -1});
        if (event.extents.size() == control::kMaxExtentsAnEvent)
            job.output.extents(std::exchange(event, {}));
    }
    if (!event.extents.empty())
        job.output.extents(event);
    return control::MapImage::Reply{};
}

Result<control::ImageComparison> run(Job& job, const control::CompareImages& request) {
    ImageChain a = TRY(job.descriptors.chain(request.a));
    const std::optional<uint64_t> difference =
        TRY(compareChains(std::move(a), TRY(job.descriptors.chain(request.b)),
                          request.sizes == control::ImageSizes::Ignore ? SizeDifference::Ignore
                                                                       : SizeDifference::Counts,
                          job.control));
    return control::ImageComparison{!difference, difference.value_or(0)};
}

// Runs the job when it is a `Request`; nothing when it is another.
template <class Request>
std::optional<Result<nlohmann::json>> tryRun(Job& job, const std::string& method,
                                             const nlohmann::json& params, size_t descriptorCount) {
    if (method != Request::kMethod)
        return std::nullopt;
    const auto request = control::imageMessageFromJson<Request>(params, descriptorCount);
    if (!request)
        return Result<nlohmann::json>(request.error());
    const auto reply = run(job, *request);
    if (!reply)
        return Result<nlohmann::json>(reply.error());
    return Result<nlohmann::json>(control::imageMessageToJson(*reply));
}

template <class... Requests>
Result<nlohmann::json> runAny(Job& job, const std::string& method, const nlohmann::json& params,
                              size_t descriptorCount) {
    std::optional<Result<nlohmann::json>> result;
    static_cast<void>(
        ((result = tryRun<Requests>(job, method, params, descriptorCount)).has_value() || ...));
    if (!result)
        return fail(ErrorCode::InvalidArgument, "there is no job \"" + method + "\"");
    return std::move(*result);
}

} // namespace

Result<nlohmann::json> runJob(JobRequest request, JobOutput& output) {
    const size_t count = request.descriptors.size();
    Job job{Descriptors(std::move(request.descriptors)), output, {}};
    job.control.progress = [&output](uint64_t done, uint64_t total) {
        output.progress(done, total);
    };
    job.control.cancelled = &output.cancelled();
    return runAny<control::InspectImage, control::CreateImage, control::CheckImage,
                  control::ConvertImage, control::ResizeImage, control::CompactImage,
                  control::RebaseImage, control::CommitImage, control::MapImage,
                  control::CompareImages>(job, request.method, request.params, count);
}

} // namespace vivarium::image
