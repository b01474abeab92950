#pragma once

#include "vmm/base/result.h"
#include "vmm/control/machine_config.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace vivarium::control {

// The protocol between core/jobs and vivarium-image (app/image/README.md): one request, then
// events, then one reply. The same lines, envelopes and descriptor indices as the control protocol;
// a chain of images is base first, 1..64.

// What a file's contents are. Detect is only asked, never answered.
enum class ImageKind : uint8_t { Detect, Raw, Qcow2, Vmdk, Vdi, Vhd, Vhdx };
std::string_view imageKindName(ImageKind kind); // "raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"
// Raw and Qcow2 are what machines use; the others are only converted from.
constexpr bool isForeign(ImageKind kind) {
    return kind == ImageKind::Vmdk || kind == ImageKind::Vdi || kind == ImageKind::Vhd ||
           kind == ImageKind::Vhdx;
}
std::string_view diskFormatName(DiskFormat format); // "raw", "qcow2"

enum class ImageCompression : uint8_t { Zlib, Zstd };
// Metadata: every cluster is mapped, none stored. Falloc: the file system promises the space. Full:
// written with zeroes.
enum class ImagePreallocation : uint8_t { Off, Metadata, Falloc, Full };
enum class ImageRepair : uint8_t { None, Leaks, All };
enum class ImageShrink : uint8_t { Refuse, Allow };
enum class ImageSizes : uint8_t { Compare, Ignore };

struct ImageSnapshot { // stored inside a qcow2 file by another program
    std::string id;
    std::string name;
    uint32_t dateSeconds = 0; // since 1970
    uint64_t stateBytes = 0;  // 0: disks only
    uint64_t diskBytes = 0;   // 0: not recorded
};

struct ImageInfo {
    ImageKind kind = ImageKind::Raw;
    uint64_t diskBytes = 0; // as the guest sees it
    uint64_t fileBytes = 0;
    uint64_t allocatedBytes = 0; // on the host's disk
    // Of qcow2 only.
    uint32_t version = 0;
    uint32_t clusterBytes = 0;
    uint32_t refcountBits = 0;
    ImageCompression compression = ImageCompression::Zlib;
    bool lazyRefcounts = false;
    bool dirty = false;
    bool corrupt = false;
    std::string backingName; // as recorded; "" for none
    std::string backingFormat;
    std::vector<ImageSnapshot> snapshots; // the first kMaxListedSnapshots
    uint32_t snapshotCount = 0;
};
constexpr size_t kMaxListedSnapshots = 512;

struct InspectImage {
    static constexpr std::string_view kMethod = "info";
    using Reply = ImageInfo;
    int fd = -1;
    ImageKind kind = ImageKind::Detect; // foreign kinds: only by a process started with --foreign
};

// The shape of a new image. Raw ones know only size and preallocation (Metadata means Off).
struct ImageShape {
    DiskFormat format = DiskFormat::Qcow2;
    uint64_t diskBytes = 0; // create: a multiple of 512; convert: the source decides
    uint32_t clusterBytes = 65536;
    uint32_t version = 3;
    uint32_t refcountBits = 16;
    ImageCompression compression = ImageCompression::Zlib;
    bool lazyRefcounts = false;
    ImagePreallocation preallocation = ImagePreallocation::Off;
    std::string backingName;   // recorded only; "" for none
    std::string backingFormat; // "raw" or "qcow2"
};

struct CreateImage {
    static constexpr std::string_view kMethod = "create";
    struct Reply {};
    int targetFd = -1; // empty, read-write
    ImageShape shape;
};

struct ImageCheck {
    uint64_t leaks = 0;       // clusters counted higher than used: wasted space
    uint64_t corruptions = 0; // everything else: data may be lost
    uint64_t leaksFixed = 0;
    uint64_t corruptionsFixed = 0;
    uint64_t allocatedClusters = 0;
    uint64_t compressedClusters = 0;
    uint64_t fragmentedClusters = 0;
    uint64_t totalClusters = 0;
    uint64_t imageEndBytes = 0;
    std::vector<std::string> findings; // the first ones, in English
    bool clean() const { return leaks == leaksFixed && corruptions == corruptionsFixed; }
};
struct CheckImage {
    static constexpr std::string_view kMethod = "check";
    using Reply = ImageCheck;
    int fd = -1; // read-write unless repair is None
    ImageRepair repair = ImageRepair::None;
};

struct ConvertImage {
    static constexpr std::string_view kMethod = "convert";
    struct Reply {};
    std::vector<ImageConfig> source;
    int targetFd = -1; // empty, read-write
    ImageShape shape;
    bool pack = false;   // compressed clusters (qcow2)
    uint32_t shared = 0; // lowest layers of the source that the target's backing file shows, too
};

// By qemu-img, in a process of its own (--foreign). The files are named by where they are: the
// process that runs the job has them bound into an empty root.
struct ConvertForeignImage {
    static constexpr std::string_view kMethod = "convertForeign";
    struct Reply {};
    int sourceFd = -1;
    ImageKind kind = ImageKind::Vmdk;
    int targetFd = -1; // empty, read-write, with a name in its folder
    ImageShape shape;
};

struct ResizeImage {
    static constexpr std::string_view kMethod = "resize";
    struct Reply {};
    std::vector<ImageConfig> images; // the top one read-write
    uint64_t diskBytes = 0;
    ImageShrink shrink = ImageShrink::Refuse;
    ImagePreallocation preallocation = ImagePreallocation::Off; // of what is added; raw only
};

struct CompactResult {
    uint64_t bytesBefore = 0; // on the host's disk
    uint64_t bytesAfter = 0;
};
struct CompactImage {
    static constexpr std::string_view kMethod = "compact";
    using Reply = CompactResult;
    std::vector<ImageConfig> images;
    int targetFd = -1; // empty, read-write
};

struct RebaseImage {
    static constexpr std::string_view kMethod = "rebase";
    struct Reply {};
    std::vector<ImageConfig> images; // the top one read-write; NameOnly: it alone
    std::vector<ImageConfig> below;  // the new backing file and all under it; empty: none
    std::string backingName;
    std::string backingFormat;
    bool nameOnly = false; // for a backing file that was moved: the data are not looked at
};

struct CommitImage {
    static constexpr std::string_view kMethod = "commit";
    struct Reply {};
    std::vector<ImageConfig> images; // the upper two read-write
};

enum class ImageExtentKind : uint8_t { Unallocated, Zero, Data, Compressed };
struct ImageExtent {
    ImageExtentKind kind = ImageExtentKind::Data;
    uint64_t offsetBytes = 0;
    uint64_t lengthBytes = 0;
    uint32_t layer = 0;      // where it is stored, 0 = base
    int64_t hostOffset = -1; // Data: in that layer's file
};
struct MapImage { // the extents come as events
    static constexpr std::string_view kMethod = "map";
    struct Reply {};
    std::vector<ImageConfig> images;
};

struct ImageComparison {
    bool equal = true;
    uint64_t firstDifference = 0; // when not
};
struct CompareImages {
    static constexpr std::string_view kMethod = "compare";
    using Reply = ImageComparison;
    std::vector<ImageConfig> a;
    std::vector<ImageConfig> b;
    ImageSizes sizes = ImageSizes::Compare; // Ignore: a longer one's rest may be zeroes
};

// --- Events ----------------------------------------------------------------------------------

struct ImageProgress { // at most ten a second
    static constexpr std::string_view kMethod = "progress";
    uint64_t doneBytes = 0;
    uint64_t totalBytes = 0;
};
struct ImageExtents {
    static constexpr std::string_view kMethod = "extents";
    std::vector<ImageExtent> extents;
};
constexpr size_t kMaxExtentsAnEvent = 4096;

// JSON form of each of these (instantiated in image_messages.cpp), as toJson() and fromJson() of
// message_json.h. Error: InvalidArgument naming the field.
template <class Message>
nlohmann::json imageMessageToJson(const Message& message);
template <class Message>
Result<Message> imageMessageFromJson(const nlohmann::json& json, size_t descriptorCount = 0);

} // namespace vivarium::control
