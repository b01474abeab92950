#include "app/image/foreign_job.h"

#include "app/image/foreign_sandbox.h"
#include "app/image/job_connection.h"
#include "app/image/qemu_img.h"
#include "vmm/control/image_messages.h"

#include <sys/stat.h>

namespace vivarium::image {

namespace {

using control::ImageKind;

constexpr const char* kSource = "source";
constexpr const char* kTarget = "target";
constexpr const char* kSourcePath = "/source";
constexpr const char* kTargetPath = "/target";

// QEMU's names of the formats.
Result<std::string> driverOf(ImageKind kind) {
    switch (kind) {
    case ImageKind::Vmdk:
        return std::string("vmdk");
    case ImageKind::Vdi:
        return std::string("vdi");
    case ImageKind::Vhd:
        return std::string("vpc");
    case ImageKind::Vhdx:
        return std::string("vhdx");
    case ImageKind::Raw:
    case ImageKind::Qcow2:
    case ImageKind::Detect:
        break;
    }
    return fail(ErrorCode::InvalidArgument, "this format is not one for qemu-img");
}

std::string optionsOf(const control::ImageShape& shape) {
    using control::ImageCompression;
    using control::ImagePreallocation;
    std::string preallocation = "off";
    if (shape.preallocation == ImagePreallocation::Falloc)
        preallocation = "falloc";
    if (shape.preallocation == ImagePreallocation::Full)
        preallocation = "full";
    if (shape.preallocation == ImagePreallocation::Metadata &&
        shape.format == control::DiskFormat::Qcow2)
        preallocation = "metadata";
    std::string options = "preallocation=" + preallocation;
    if (shape.format == control::DiskFormat::Raw)
        return options;
    options += ",cluster_size=" + std::to_string(shape.clusterBytes);
    options += shape.version == 2 ? ",compat=0.10" : ",compat=1.1";
    if (shape.version == 2)
        return options;
    options += ",refcount_bits=" + std::to_string(shape.refcountBits);
    options += shape.compression == ImageCompression::Zstd ? ",compression_type=zstd"
                                                           : ",compression_type=zlib";
    if (shape.lazyRefcounts)
        options += ",lazy_refcounts=on";
    return options;
}

const UniqueFd* descriptor(const JobRequest& request, int index) {
    return index >= 0 && static_cast<size_t>(index) < request.descriptors.size()
               ? &request.descriptors[static_cast<size_t>(index)]
               : nullptr;
}

Result<nlohmann::json> convert(const JobRequest& request, JobConnection& connection) {
    const auto job = TRY(control::imageMessageFromJson<control::ConvertForeignImage>(
        request.params, request.descriptors.size()));
    const UniqueFd* source = descriptor(request, job.sourceFd);
    const UniqueFd* target = descriptor(request, job.targetFd);
    if (!source || !target)
        return fail(ErrorCode::InvalidArgument, "a file of the job is missing");
    const std::string driver = TRY(driverOf(job.kind));
    TRY(enterForeignSandbox({{source->get(), kSource, BoundFile::Access::ReadOnly},
                             {target->get(), kTarget, BoundFile::Access::ReadWrite}}));
    // -U: the source is locked by whoever asks for the job.
    TRY(runQemuImg({"convert", "-p", "-U", "-f", driver, "-O",
                    std::string(control::diskFormatName(job.shape.format)), "-o",
                    optionsOf(job.shape), kSourcePath, kTargetPath},
                   connection));
    return control::imageMessageToJson(control::ConvertForeignImage::Reply{});
}

Result<nlohmann::json> inspect(const JobRequest& request, JobConnection& connection) {
    const auto job = TRY(control::imageMessageFromJson<control::InspectImage>(
        request.params, request.descriptors.size()));
    const UniqueFd* source = descriptor(request, job.fd);
    if (!source)
        return fail(ErrorCode::InvalidArgument, "a file of the job is missing");
    const std::string driver = TRY(driverOf(job.kind));
    control::ImageInfo info;
    info.kind = job.kind;
    struct stat status {};
    if (::fstat(source->get(), &status) == 0) {
        info.fileBytes = static_cast<uint64_t>(status.st_size);
        info.allocatedBytes = static_cast<uint64_t>(status.st_blocks) * 512;
    }
    TRY(enterForeignSandbox({{source->get(), kSource, BoundFile::Access::ReadOnly}}));
    const std::string text =
        TRY(runQemuImg({"info", "-U", "-f", driver, "--output=json", kSourcePath}, connection));
    const auto answer = nlohmann::json::parse(text, nullptr, false);
    if (!answer.is_object() || !answer.contains("virtual-size") ||
        !answer["virtual-size"].is_number_unsigned())
        return fail(ErrorCode::Corrupt, "The image is damaged: qemu-img says nothing of its size.");
    info.diskBytes = answer["virtual-size"].get<uint64_t>();
    return control::imageMessageToJson(info);
}

Result<nlohmann::json> run(const JobRequest& request, JobConnection& connection) {
    TRY(findQemuImg());
    if (request.method == control::ConvertForeignImage::kMethod)
        return convert(request, connection);
    if (request.method == control::InspectImage::kMethod)
        return inspect(request, connection);
    return fail(ErrorCode::InvalidArgument,
                "qemu-img is not for the job \"" + request.method + "\"");
}

} // namespace

Result<void> serveForeignJob(UniqueFd socket) {
    JobConnection connection = TRY(JobConnection::create(std::move(socket)));
    const JobRequest request = TRY(connection.waitForRequest());
    const auto result = run(request, connection);
    if (!result && result.error().code == ErrorCode::Cancelled)
        return {};
    connection.finish(result);
    return {};
}

} // namespace vivarium::image
