#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/disk/chain/layer.h"
#include "vmm/disk/qcow2/check.h"
#include "vmm/disk/qcow2/create.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// Work on disk images that no guest uses: what vivarium-image does. Every function blocks the
// calling thread (any one) until it is over, works on open descriptors only and never opens a file
// by name; a format is always stated. Whoever calls makes results appear under their final name
// only after success.
namespace vivarium {

// One image file. Open for reading, and for writing where a function says that it changes the
// image.
struct ImageFile {
    UniqueFd fd;
    ImageFormat format = ImageFormat::Qcow2;
};
// An image and everything below it, base first; 1..kMaxChainDepth files.
using ImageChain = std::vector<ImageFile>;

struct JobControl {
    // Called on the calling thread now and then; the total can grow. May be empty.
    std::function<void(uint64_t doneBytes, uint64_t totalBytes)> progress;
    // Set from any thread: the job ends soon with Cancelled. May be null.
    const std::atomic<bool>* cancelled = nullptr;
};

struct ImageInfo {
    ImageFormat format = ImageFormat::Raw;
    uint64_t diskBytes = 0; // as the guest sees it
    uint64_t fileBytes = 0;
    uint64_t allocatedBytes = 0; // on the host's disk
    // Of qcow2 only.
    unsigned version = 0;
    uint32_t clusterBytes = 0;
    unsigned refcountBits = 0;
    qcow2::Compression compression = qcow2::Compression::Zlib;
    bool lazyRefcounts = false;
    bool dirty = false;
    bool corrupt = false;
    std::string backingName; // as recorded; "" for none
    std::string backingFormat;
    std::vector<qcow2::Snapshot> snapshots;
};
// What the image says of itself. Errors: Corrupt, Unsupported with the features' names,
// LimitExceeded.
Result<ImageInfo> imageInfo(ImageFile image);
// What a file's first bytes look like, for showing it to a user who then states the format.
Result<ImageFormat> apparentFormat(const UniqueFd& fd);

// Makes an image of an open empty file (read-write). Errors: InvalidArgument, LimitExceeded,
// NoSpace.
using Qcow2Options = qcow2::CreateOptions;
using Preallocation = qcow2::Preallocation;
Result<void> createQcow2(UniqueFd fd, const Qcow2Options& options);
// `preallocation`: Metadata means Off.
Result<void> createRaw(UniqueFd fd, uint64_t diskBytes, Preallocation preallocation);

// Checks a qcow2 image and repairs it when told to (then read-write). For a raw image: Unsupported.
using qcow2::CheckReport;
using qcow2::Repair;
Result<CheckReport> checkQcow2(UniqueFd fd, Repair repair, const JobControl& control);

// Changes the size of the chain's top image (read-write). `shrink` must be Allow for a smaller one,
// whose rest is lost. Errors: InvalidArgument, Busy (internal snapshots), LimitExceeded.
enum class Shrink { Refuse, Allow };
Result<void> resizeImage(ImageChain chain, uint64_t diskBytes, Shrink shrink,
                         Preallocation preallocation);

struct MapExtent {
    enum class Kind { Unallocated, Zero, Data, Compressed };
    Kind kind = Kind::Data;
    uint64_t offsetBytes = 0;
    uint64_t lengthBytes = 0;
    size_t layer = 0;                   // where it is stored, 0 = base; Unallocated: 0
    std::optional<uint64_t> hostOffset; // Data: in that layer's file
};
// The whole disk in order; `Unallocated`: no layer has it, it reads as zeroes.
Result<std::vector<MapExtent>> mapChain(ImageChain chain, const JobControl& control);

// The first offset where two disks differ, or nothing. A longer disk equals a shorter one if the
// rest is zeroes and `sizes` is Ignore.
enum class SizeDifference { Counts, Ignore };
Result<std::optional<uint64_t>> compareChains(ImageChain a, ImageChain b, SizeDifference sizes,
                                              const JobControl& control);

struct ConvertOptions {
    ImageFormat format = ImageFormat::Qcow2;
    Qcow2Options qcow2; // of a qcow2 target; diskBytes is the source's
    enum class Pack { No, Yes };
    Pack pack = Pack::No; // compressed clusters (qcow2)
};
// Writes the disk that `source` shows to an open empty file (read-write): holes and zeroes stay
// holes. With options.qcow2.backingName the first `shared` layers of the source are that backing
// file's: what they have is left out.
Result<void> convertImage(ImageChain source, UniqueFd target, const ConvertOptions& options,
                          const JobControl& control, size_t shared = 0);

struct CompactReport {
    uint64_t bytesBefore = 0; // on the host's disk
    uint64_t bytesAfter = 0;
};
// Rewrites the chain's top image without what nothing refers to and without zeroes, to an open
// empty file (read-write); the layers below are only compared with. Name and format of the backing
// file, cluster size, version, refcount width and compression stay. A raw image: only holes are
// made. Error: Unsupported (internal snapshots would be lost).
Result<CompactReport> compactImage(ImageChain chain, UniqueFd target, const JobControl& control);

// Gives a qcow2 image (the top of `chain`, read-write) another backing file. `below`: the new one
// with all under it, empty for none. What differs between old and new is copied into the image
// first.
Result<void> rebaseImage(ImageChain chain, ImageChain below, const std::string& backingName,
                         const std::string& backingFormat, const JobControl& control);
// The same without looking at the data: for a backing file that was moved.
Result<void> setBackingFile(UniqueFd qcow2, const std::string& backingName,
                            const std::string& backingFormat);

// Copies the top image into the one below it (both read-write, the latter grows if it must). The
// top stays as it was.
Result<void> commitImage(ImageChain chain, const JobControl& control);

} // namespace vivarium
