#include "vmm/control/image_messages.h"

#include "vmm/control/machine_config_fields.h"

namespace vivarium::control {

template <>
struct EnumNames<ImageKind> {
    static constexpr std::array<std::pair<ImageKind, std::string_view>, 7> kNames{
        {{ImageKind::Detect, "detect"},
         {ImageKind::Raw, "raw"},
         {ImageKind::Qcow2, "qcow2"},
         {ImageKind::Vmdk, "vmdk"},
         {ImageKind::Vdi, "vdi"},
         {ImageKind::Vhd, "vhd"},
         {ImageKind::Vhdx, "vhdx"}}};
};
template <>
struct EnumNames<ImageCompression> {
    static constexpr std::array<std::pair<ImageCompression, std::string_view>, 2> kNames{
        {{ImageCompression::Zlib, "zlib"}, {ImageCompression::Zstd, "zstd"}}};
};
template <>
struct EnumNames<ImagePreallocation> {
    static constexpr std::array<std::pair<ImagePreallocation, std::string_view>, 4> kNames{
        {{ImagePreallocation::Off, "off"},
         {ImagePreallocation::Metadata, "metadata"},
         {ImagePreallocation::Falloc, "falloc"},
         {ImagePreallocation::Full, "full"}}};
};
template <>
struct EnumNames<ImageRepair> {
    static constexpr std::array<std::pair<ImageRepair, std::string_view>, 3> kNames{
        {{ImageRepair::None, "none"}, {ImageRepair::Leaks, "leaks"}, {ImageRepair::All, "all"}}};
};
template <>
struct EnumNames<ImageShrink> {
    static constexpr std::array<std::pair<ImageShrink, std::string_view>, 2> kNames{
        {{ImageShrink::Refuse, "refuse"}, {ImageShrink::Allow, "allow"}}};
};
template <>
struct EnumNames<ImageSizes> {
    static constexpr std::array<std::pair<ImageSizes, std::string_view>, 2> kNames{
        {{ImageSizes::Compare, "compare"}, {ImageSizes::Ignore, "ignore"}}};
};
template <>
struct EnumNames<ImageExtentKind> {
    static constexpr std::array<std::pair<ImageExtentKind, std::string_view>, 4> kNames{
        {{ImageExtentKind::Unallocated, "unallocated"},
         {ImageExtentKind::Zero, "zero"},
         {ImageExtentKind::Data, "data"},
         {ImageExtentKind::Compressed, "compressed"}}};
};

namespace {

constexpr size_t kMaxSnapshotNameBytes = 64 * 1024;
constexpr size_t kMaxFindings = 1024;

} // namespace

template <class Visitor, Is<ImageSnapshot> M>
void describe(Visitor& v, M& snapshot) {
    v("id", snapshot.id, upTo(kMaxSnapshotNameBytes));
    v("name", snapshot.name, upTo(kMaxSnapshotNameBytes));
    v("dateSeconds", snapshot.dateSeconds);
    v("stateBytes", snapshot.stateBytes);
    v("diskBytes", snapshot.diskBytes);
}
template <class Visitor, Is<ImageInfo> M>
void describe(Visitor& v, M& info) {
    v("kind", info.kind);
    v("diskBytes", info.diskBytes);
    v("fileBytes", info.fileBytes);
    v("allocatedBytes", info.allocatedBytes);
    v("version", info.version);
    v("clusterBytes", info.clusterBytes);
    v("refcountBits", info.refcountBits);
    v("compression", info.compression);
    v("lazyRefcounts", info.lazyRefcounts);
    v("dirty", info.dirty);
    v("corrupt", info.corrupt);
    v("backingName", info.backingName, upTo(kMaxBackingNameBytes));
    v("backingFormat", info.backingFormat, upTo(kMaxNameBytes));
    v("snapshots", info.snapshots, upTo(kMaxListedSnapshots));
    v("snapshotCount", info.snapshotCount);
}
template <class Visitor, Is<InspectImage> M>
void describe(Visitor& v, M& job) {
    v("fd", job.fd, DescriptorIndex{});
    v("kind", job.kind);
}
template <class Visitor, Is<ImageShape> M>
void describe(Visitor& v, M& shape) {
    v("format", shape.format);
    v("diskBytes", shape.diskBytes);
    v("clusterBytes", shape.clusterBytes);
    v("version", shape.version);
    v("refcountBits", shape.refcountBits);
    v("compression", shape.compression);
    v("lazyRefcounts", shape.lazyRefcounts);
    v("preallocation", shape.preallocation);
    v("backingName", shape.backingName, upTo(kMaxBackingNameBytes));
    v("backingFormat", shape.backingFormat, upTo(kMaxNameBytes));
}
template <class Visitor, Is<CreateImage> M>
void describe(Visitor& v, M& job) {
    v("targetFd", job.targetFd, DescriptorIndex{});
    v("shape", job.shape);
}
template <class Visitor, Is<ImageCheck> M>
void describe(Visitor& v, M& check) {
    v("leaks", check.leaks);
    v("corruptions", check.corruptions);
    v("leaksFixed", check.leaksFixed);
    v("corruptionsFixed", check.corruptionsFixed);
    v("allocatedClusters", check.allocatedClusters);
    v("compressedClusters", check.compressedClusters);
    v("fragmentedClusters", check.fragmentedClusters);
    v("totalClusters", check.totalClusters);
    v("imageEndBytes", check.imageEndBytes);
    v("findings", check.findings, upTo(kMaxFindings));
}
template <class Visitor, Is<CheckImage> M>
void describe(Visitor& v, M& job) {
    v("fd", job.fd, DescriptorIndex{});
    v("repair", job.repair);
}
template <class Visitor, Is<ConvertImage> M>
void describe(Visitor& v, M& job) {
    v("source", job.source, FieldRange{1, kMaxChainFiles});
    v("targetFd", job.targetFd, DescriptorIndex{});
    v("shape", job.shape);
    v("pack", job.pack);
    v("shared", job.shared, upTo(kMaxChainFiles));
}
template <class Visitor, Is<ConvertForeignImage> M>
void describe(Visitor& v, M& job) {
    v("sourceFd", job.sourceFd, DescriptorIndex{});
    v("kind", job.kind);
    v("targetFd", job.targetFd, DescriptorIndex{});
    v("shape", job.shape);
}
template <class Visitor, Is<ResizeImage> M>
void describe(Visitor& v, M& job) {
    v("images", job.images, FieldRange{1, kMaxChainFiles});
    v("diskBytes", job.diskBytes);
    v("shrink", job.shrink);
    v("preallocation", job.preallocation);
}
template <class Visitor, Is<CompactResult> M>
void describe(Visitor& v, M& result) {
    v("bytesBefore", result.bytesBefore);
    v("bytesAfter", result.bytesAfter);
}
template <class Visitor, Is<CompactImage> M>
void describe(Visitor& v, M& job) {
    v("images", job.images, FieldRange{1, kMaxChainFiles});
    v("targetFd", job.targetFd, DescriptorIndex{});
}
template <class Visitor, Is<RebaseImage> M>
void describe(Visitor& v, M& job) {
    v("images", job.images, FieldRange{1, kMaxChainFiles});
    v("below", job.below, upTo(kMaxChainFiles));
    v("backingName", job.backingName, upTo(kMaxBackingNameBytes));
    v("backingFormat", job.backingFormat, upTo(kMaxNameBytes));
    v("nameOnly", job.nameOnly);
}
template <class Visitor, Is<CommitImage> M>
void describe(Visitor& v, M& job) {
    v("images", job.images, FieldRange{2, kMaxChainFiles});
}
template <class Visitor, Is<ImageExtent> M>
void describe(Visitor& v, M& extent) {
    v("kind", extent.kind);
    v("offsetBytes", extent.offsetBytes);
    v("lengthBytes", extent.lengthBytes);
    v("layer", extent.layer, upTo(kMaxChainFiles));
    v("hostOffset", extent.hostOffset);
}
template <class Visitor, Is<MapImage> M>
void describe(Visitor& v, M& job) {
    v("images", job.images, FieldRange{1, kMaxChainFiles});
}
template <class Visitor, Is<ImageComparison> M>
void describe(Visitor& v, M& comparison) {
    v("equal", comparison.equal);
    v("firstDifference", comparison.firstDifference);
}
template <class Visitor, Is<CompareImages> M>
void describe(Visitor& v, M& job) {
    v("a", job.a, FieldRange{1, kMaxChainFiles});
    v("b", job.b, FieldRange{1, kMaxChainFiles});
    v("sizes", job.sizes);
}
template <class Visitor, Is<ImageProgress> M>
void describe(Visitor& v, M& progress) {
    v("doneBytes", progress.doneBytes);
    v("totalBytes", progress.totalBytes);
}
template <class Visitor, Is<ImageExtents> M>
void describe(Visitor& v, M& event) {
    v("extents", event.extents, upTo(kMaxExtentsAnEvent));
}
// Replies that say nothing but success.
template <class Visitor, class M>
requires std::is_empty_v<M>
void describe(Visitor&, M&) {}

std::string_view imageKindName(ImageKind kind) {
    return enumName(kind);
}
std::string_view diskFormatName(DiskFormat format) {
    return enumName(format);
}

template <class Message>
nlohmann::json imageMessageToJson(const Message& message) {
    return describedToJson(message);
}

template <class Message>
Result<Message> imageMessageFromJson(const nlohmann::json& json, size_t descriptorCount) {
    return describedFromJson<Message>(json, descriptorCount);
}

#define INSTANTIATE(Message)                                                                       \
    template nlohmann::json imageMessageToJson<Message>(const Message&);                           \
    template Result<Message> imageMessageFromJson<Message>(const nlohmann::json&, size_t);

INSTANTIATE(InspectImage)
INSTANTIATE(ImageInfo)
INSTANTIATE(CreateImage)
INSTANTIATE(CreateImage::Reply)
INSTANTIATE(CheckImage)
INSTANTIATE(ImageCheck)
INSTANTIATE(ConvertImage)
INSTANTIATE(ConvertImage::Reply)
INSTANTIATE(ConvertForeignImage)
INSTANTIATE(ConvertForeignImage::Reply)
INSTANTIATE(ResizeImage)
INSTANTIATE(ResizeImage::Reply)
INSTANTIATE(CompactImage)
INSTANTIATE(CompactResult)
INSTANTIATE(RebaseImage)
INSTANTIATE(RebaseImage::Reply)
INSTANTIATE(CommitImage)
INSTANTIATE(CommitImage::Reply)
INSTANTIATE(MapImage)
INSTANTIATE(MapImage::Reply)
INSTANTIATE(CompareImages)
INSTANTIATE(ImageComparison)
INSTANTIATE(ImageProgress)
INSTANTIATE(ImageExtents)

#undef INSTANTIATE

} // namespace vivarium::control
