#pragma once

#include "core/jobs/background.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/image_messages.h"

#include <QList>
#include <QString>

#include <functional>
#include <optional>

namespace vivarium {

// A file with a disk, and what it is stated to be.
struct DiskFile {
    QString path; // absolute
    control::DiskFormat format = control::DiskFormat::Raw;
    bool operator==(const DiskFile&) const = default;
};

// Where a job's images come from: a file alone, whose backing files are found by the names recorded
// in them, or all files of the chain, base first.
struct DiskSource {
    DiskSource(DiskFile top) : files{std::move(top)} {}
    DiskSource(QList<DiskFile> chain) : files(std::move(chain)), whole(true) {}
    QList<DiskFile> files;
    bool whole = false;
};

// Whether a job takes open-file-description locks on the files that it opens, as running machines
// do: shared for reading, exclusive for writing. AlreadyHeld: the caller's own lock protects them.
enum class FileLocks { Take, AlreadyHeld };

// Everything that is done to disk images no guest uses, each by a vivarium-image process of its
// own: this program never reads an image's bytes. Functions block (any thread but the main one; see
// ImageJobs); a cancelled one has changed nothing but what its comment says. New files are unnamed
// or hidden until they are whole and durable; they never replace a file that is there.
//
// Errors are sentences: NotFound, PermissionDenied, Busy (in use; names the machine),
// AlreadyExists, NoSpace, Corrupt, Unsupported, LimitExceeded (a chain of more than 64 files),
// Cancelled, Internal (the job's process died: the images are as a power cut would leave them,
// which is: readable).
class ImageTool {
public:
    // The machine that uses the file at a canonical path; empty for none. Any thread.
    using UserOf = std::function<QString(const QString& path)>;
    explicit ImageTool(QString program = defaultProgram(), UserOf userOf = {})
        : m_program(std::move(program)), m_userOf(std::move(userOf)) {}
    // "vivarium-image" beside the running program or in its libexec folder.
    static QString defaultProgram();

    // What one file says of itself; also while a machine uses it. `kind` Detect goes by the
    // contents: only for showing a file, or with a user who confirms it (a guest can write any
    // contents into a raw image).
    Result<control::ImageInfo> info(const QString& path, control::ImageKind kind,
                                    Progress& progress) const;
    // `top` and all its backing files, base first, by the names and formats recorded in them; each
    // must exist. Also while a machine uses it. Errors besides: Corrupt (a loop), Unsupported (a
    // backing file without stated format, a name that is no file), LimitExceeded.
    struct Layer {
        DiskFile file;
        control::ImageInfo info;
    };
    Result<QList<Layer>> chain(const DiskFile& top, Progress& progress) const;

    // Makes the file `path`. With a backing name in `shape`, size 0 means the backing file's size
    // (it is looked up beside `path` when the name is relative); otherwise the name is only
    // recorded.
    Result<void> create(const QString& path, const control::ImageShape& shape,
                        Progress& progress) const;

    // qcow2 only. A cancelled repair leaves the image as far as it got, never worse.
    Result<control::ImageCheck> check(const QString& path, control::ImageRepair repair,
                                      Progress& progress, FileLocks locks = FileLocks::Take) const;

    struct ConvertOptions {
        control::ImageShape shape;         // diskBytes is the source's
        bool pack = false;                 // compressed clusters
        QList<DiskFile> shared;            // the chain of shape.backingName: left out of the target
        FileLocks locks = FileLocks::Take; // of the source
    };
    // Writes what `source` shows to the new file `target`; where the file system can, a raw image
    // becomes a reflink at once.
    Result<void> convert(const DiskSource& source, const QString& target,
                         const ConvertOptions& options, Progress& progress) const;
    // The same from a VMDK, VDI, VHD or VHDX file, by qemu-img in a sandbox. Errors besides:
    // Unavailable (qemu-img is not installed), Unsupported (an image that refers to other files).
    Result<void> convertForeign(const QString& source, control::ImageKind kind,
                                const QString& target, const control::ImageShape& shape,
                                Progress& progress) const;

    // Changes the size of the top image in place. `shrink` must be Allow for a smaller one, whose
    // rest is lost. Not cancelled half-way.
    Result<void> resize(const DiskSource& image, uint64_t diskBytes, control::ImageShrink shrink,
                        Progress& progress, FileLocks locks = FileLocks::Take) const;

    // Rewrites the top image without what is free, and puts the result in its place once it is
    // whole.
    Result<control::CompactResult> compact(const DiskSource& image, Progress& progress,
                                           FileLocks locks = FileLocks::Take) const;

    struct RebaseOptions {
        QList<DiskFile> below; // the new backing file's chain; empty: none
        QString backingName;   // recorded; empty: the new backing file's path
        bool nameOnly = false; // it is the old one, moved: the data are not looked at
        FileLocks locks = FileLocks::Take;
    };
    // Gives a qcow2 image another backing file, in place; what differs is copied into it first.
    // When cancelled the image reads as before, but can be larger.
    Result<void> rebase(const DiskSource& image, const RebaseOptions& options,
                        Progress& progress) const;

    // Copies the top image into the one below it, which is from then on the same disk; the top
    // stays and is the caller's to remove. When cancelled the top still reads as before.
    Result<void> commit(const DiskSource& image, Progress& progress,
                        FileLocks locks = FileLocks::Take) const;

    // The whole disk in order; `layer` counts from the base, 0.
    Result<std::vector<control::ImageExtent>> map(const DiskSource& image, Progress& progress,
                                                  FileLocks locks = FileLocks::Take) const;

    // Deletes the file, unless somebody has it locked (Busy).
    Result<void> remove(const QString& path) const;

    Result<control::ImageComparison> compare(const DiskSource& a, const DiskSource& b,
                                             control::ImageSizes sizes, Progress& progress) const;

private:
    enum class Access { Read, Write };
    Result<UniqueFd> open(const QString& path, Access access, FileLocks locks) const;
    // The chain's files opened into `descriptors`; the upper `writable` ones for writing.
    Result<std::vector<control::ImageConfig>> openChain(const QList<DiskFile>& files,
                                                        size_t writable, FileLocks locks,
                                                        std::vector<UniqueFd>& descriptors) const;
    Result<QList<DiskFile>> filesOf(const DiskSource& source, Progress& progress) const;

    QString m_program;
    UserOf m_userOf;
};

} // namespace vivarium
