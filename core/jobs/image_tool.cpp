#include "core/jobs/image_tool.h"

#include "core/jobs/image_job.h"
#include "core/jobs/new_file.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace vivarium {

using namespace Qt::StringLiterals;
using control::DiskFormat;
using control::ImageConfig;
using control::ImageKind;

namespace {

constexpr int kMaxChainFiles = 64;

Error refused(ErrorCode code, const QString& sentence) {
    return fail(code, sentence.toStdString());
}

// A sentence of what a job's process said: "The disk image x cannot be resized: <detail>."
template <class T>
Result<T> explained(Result<T> result, const QString& what) {
    if (result || result.error().code == ErrorCode::Cancelled)
        return result;
    Error error = result.error();
    if (error.code == ErrorCode::NoSpace)
        error.detail = what.toStdString() + ": there is not enough space on its disk";
    else
        error.detail = what.toStdString() + ": " + error.detail;
    if (!error.detail.ends_with('.'))
        error.detail += '.';
    return error;
}

template <class Reply>
Result<void> withoutValue(const Result<Reply>& result) {
    if (!result)
        return result.error();
    return {};
}

Error cannotOpen(int number, const QString& path, bool writing) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return Error{ErrorCode::NotFound, number,
                     u"The disk image %1 does not exist."_s.arg(path).toStdString()};
    case EACCES:
    case EPERM:
    case EROFS:
        return Error{ErrorCode::PermissionDenied, number,
                     (writing
                          ? u"The disk image %1 may not be written to; change its permissions."_s
                          : u"The disk image %1 may not be read; change its permissions."_s)
                         .arg(path)
                         .toStdString()};
    case ETXTBSY:
        return Error{ErrorCode::Busy, number,
                     u"The disk image %1 is in use."_s.arg(path).toStdString()};
    default:
        return systemError(number, u"The disk image %1 cannot be opened"_s.arg(path).toStdString());
    }
}

// "nbd:", "json:" and the like, which other programs understand as more than a file.
bool namesMoreThanAFile(const QString& name) {
    const qsizetype colon = name.indexOf(u':');
    const qsizetype slash = name.indexOf(u'/');
    return colon >= 0 && (slash < 0 || colon < slash);
}

// Shares the file's blocks: instant, and takes no space until one of both is written to.
bool reflink(const UniqueFd& source, const UniqueFd& target) {
    return ::ioctl(target.get(), FICLONE, source.get()) == 0;
}

bool isDefaultShape(const control::ImageShape& shape) {
    const control::ImageShape defaults;
    return shape.clusterBytes == defaults.clusterBytes && shape.version == defaults.version &&
           shape.refcountBits == defaults.refcountBits &&
           shape.compression == defaults.compression &&
           shape.lazyRefcounts == defaults.lazyRefcounts &&
           shape.preallocation == defaults.preallocation && shape.backingName.empty();
}

} // namespace

QString ImageTool::defaultProgram() {
    const QString name = u"/vivarium-image"_s;
    const QString beside = QCoreApplication::applicationDirPath() + name;
    for (const QString& candidate :
         {beside, QCoreApplication::applicationDirPath() + u"/../libexec/vivarium"_s + name,
          QString::fromUtf8(VIVARIUM_LIBEXEC_DIR) + name})
        if (QFileInfo(candidate).isExecutable())
            return candidate;
    return beside;
}

// --- Opening ---------------------------------------------------------------------------------

Result<UniqueFd> ImageTool::open(const QString& path, Access access, FileLocks locks) const {
    const bool writing = access == Access::Write;
    // Without waiting for anything (a FIFO would).
    UniqueFd fd(::open(QFile::encodeName(path).constData(),
                       (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd && errno == EISDIR)
        return refused(ErrorCode::InvalidArgument,
                       u"%1 is a folder, not a disk image."_s.arg(path));
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return cannotOpen(errno, path, writing);
    if (S_ISDIR(status.st_mode))
        return refused(ErrorCode::InvalidArgument,
                       u"%1 is a folder, not a disk image."_s.arg(path));
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return refused(ErrorCode::InvalidArgument,
                       u"%1 is neither a file nor a disk; choose another."_s.arg(path));
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
    if (locks == FileLocks::AlreadyHeld)
        return fd;
    struct flock wanted {};
    wanted.l_type = writing ? F_WRLCK : F_RDLCK;
    wanted.l_whence = SEEK_SET; // the whole file
    if (::fcntl(fd.get(), F_OFD_SETLK, &wanted) == 0) {
        // Whoever compacted it until now has put another file in its place.
        if (::fstat(fd.get(), &status) == 0 && status.st_nlink == 0)
            return refused(ErrorCode::Busy,
                           u"The disk image %1 was replaced this moment; try again."_s.arg(path));
        return fd;
    }
    if (errno != EAGAIN && errno != EACCES) // a file system without locks protects nobody
        return fd;
    const QString user = m_userOf ? m_userOf(QFileInfo(path).canonicalFilePath()) : QString();
    return refused(
        ErrorCode::Busy,
        user.isEmpty()
            ? u"The disk image %1 is in use by another program; close it there first."_s.arg(path)
            : u"The disk image %1 is in use by the machine “%2”; stop that machine first."_s.arg(
                  path, user));
}

Result<std::vector<ImageConfig>> ImageTool::openChain(const QList<DiskFile>& files, size_t writable,
                                                      FileLocks locks,
                                                      std::vector<UniqueFd>& descriptors) const {
    std::vector<ImageConfig> images;
    const auto count = static_cast<size_t>(files.size());
    if (count == 0 || count > kMaxChainFiles)
        return refused(ErrorCode::LimitExceeded,
                       u"A disk consists of 1 to 64 files, not %1."_s.arg(files.size()));
    for (size_t i = 0; i < count; ++i) {
        const DiskFile& file = files[static_cast<qsizetype>(i)];
        descriptors.push_back(
            TRY(open(file.path, i + writable >= count ? Access::Write : Access::Read, locks)));
        images.push_back({static_cast<int>(descriptors.size()) - 1, file.format});
    }
    return images;
}

Result<QList<DiskFile>> ImageTool::filesOf(const DiskSource& source, Progress& progress) const {
    if (source.whole)
        return source.files;
    QList<DiskFile> files;
    for (const Layer& layer : TRY(chain(source.files.first(), progress)))
        files << layer.file;
    return files;
}

// --- Looking ---------------------------------------------------------------------------------

Result<control::ImageInfo> ImageTool::info(const QString& path, ImageKind kind,
                                           Progress& progress) const {
    const QString what = u"The disk image %1 cannot be read"_s.arg(path);
    std::vector<UniqueFd> files;
    files.push_back(TRY(open(path, Access::Read, FileLocks::AlreadyHeld)));
    UniqueFd again = TRY(files.front().duplicate());
    control::InspectImage request{0, kind};
    auto found = TRY(explained(ImageJob(m_program).run(request, std::move(files), progress), what));
    if (!control::isForeign(found.kind))
        return found;
    request.kind = found.kind;
    files.clear();
    files.push_back(std::move(again));
    return explained(
        ImageJob(m_program, ImageJob::Kind::Foreign).run(request, std::move(files), progress),
        what);
}

Result<QList<ImageTool::Layer>> ImageTool::chain(const DiskFile& top, Progress& progress) const {
    QList<Layer> layers; // top first
    QList<std::pair<dev_t, ino_t>> seen;
    DiskFile next = top;
    for (;;) {
        if (layers.size() == kMaxChainFiles)
            return refused(ErrorCode::LimitExceeded,
                           u"The disk image %1 has more than 63 backing files."_s.arg(top.path));
        struct stat status {};
        if (::stat(QFile::encodeName(next.path).constData(), &status) != 0) {
            if (layers.isEmpty())
                return cannotOpen(errno, next.path, false);
            return Error{ErrorCode::NotFound, errno,
                         u"The disk image %1 is incomplete: its backing file %2 cannot be found."_s
                             .arg(layers.last().file.path, next.path)
                             .toStdString()};
        }
        const std::pair identity{status.st_dev, status.st_ino};
        if (seen.contains(identity))
            return refused(
                ErrorCode::Corrupt,
                u"The disk image %1 is damaged: its backing files form a loop at %2."_s.arg(
                    top.path, next.path));
        seen << identity;
        const control::ImageInfo found = TRY(
            info(next.path, next.format == DiskFormat::Qcow2 ? ImageKind::Qcow2 : ImageKind::Raw,
                 progress));
        layers << Layer{next, found};
        if (found.backingName.empty())
            break;
        const QString name = QFile::decodeName(QByteArray::fromStdString(found.backingName));
        const QString format = QString::fromStdString(found.backingFormat);
        if (namesMoreThanAFile(name))
            return refused(
                ErrorCode::Unsupported,
                u"The backing file of %1 is “%2”; only files of this host are used."_s.arg(
                    next.path, name));
        if (format.isEmpty())
            return refused(
                ErrorCode::Unsupported,
                u"The disk image %1 does not say the format of its backing file “%2”; state it with “viv disk rebase”."_s
                    .arg(next.path, name));
        if (format != u"raw" && format != u"qcow2")
            return refused(
                ErrorCode::Unsupported,
                u"The disk image %1 has the backing file “%2”, which is not raw or qcow2 but “%3”; convert that first."_s
                    .arg(next.path, name, format));
        // As written in the image: relative to the folder of the image that names it.
        next = {QDir::cleanPath(QDir(QFileInfo(next.path).absolutePath()).filePath(name)),
                format == u"raw" ? DiskFormat::Raw : DiskFormat::Qcow2};
    }
    std::reverse(layers.begin(), layers.end());
    return layers;
}

Result<control::ImageCheck> ImageTool::check(const QString& path, control::ImageRepair repair,
                                             Progress& progress, FileLocks locks) const {
    std::vector<UniqueFd> files;
    files.push_back(TRY(
        open(path, repair == control::ImageRepair::None ? Access::Read : Access::Write, locks)));
    return explained(
        ImageJob(m_program).run(control::CheckImage{0, repair}, std::move(files), progress),
        u"The disk image %1 cannot be checked"_s.arg(path));
}

Result<std::vector<control::ImageExtent>>
ImageTool::map(const DiskSource& image, Progress& progress, FileLocks locks) const {
    const QList<DiskFile> files = TRY(filesOf(image, progress));
    std::vector<UniqueFd> descriptors;
    control::MapImage request{TRY(openChain(files, 0, locks, descriptors))};
    std::vector<control::ImageExtent> extents;
    const ImageJob job(m_program, ImageJob::Kind::Own, [&](const control::ImageExtents& event) {
        extents.insert(extents.end(), event.extents.begin(), event.extents.end());
    });
    TRY(explained(job.run(request, std::move(descriptors), progress),
                  u"The disk image %1 cannot be read"_s.arg(files.last().path)));
    return extents;
}

Result<control::ImageComparison> ImageTool::compare(const DiskSource& a, const DiskSource& b,
                                                    control::ImageSizes sizes,
                                                    Progress& progress) const {
    const QList<DiskFile> filesA = TRY(filesOf(a, progress));
    const QList<DiskFile> filesB = TRY(filesOf(b, progress));
    std::vector<UniqueFd> descriptors;
    control::CompareImages request;
    request.sizes = sizes;
    request.a = TRY(openChain(filesA, 0, FileLocks::Take, descriptors));
    request.b = TRY(openChain(filesB, 0, FileLocks::Take, descriptors));
    return explained(ImageJob(m_program).run(request, std::move(descriptors), progress),
                     u"The disk images %1 and %2 cannot be compared"_s.arg(filesA.last().path,
                                                                           filesB.last().path));
}

// --- New files -------------------------------------------------------------------------------

Result<void> ImageTool::create(const QString& path, const control::ImageShape& shape,
                               Progress& progress) const {
    control::ImageShape wanted = shape;
    if (!shape.backingName.empty() && shape.diskBytes == 0) {
        const QString name = QFile::decodeName(QByteArray::fromStdString(shape.backingName));
        const QString backing = QDir(QFileInfo(path).absolutePath()).filePath(name);
        wanted.diskBytes =
            TRY(info(backing, shape.backingFormat == "raw" ? ImageKind::Raw : ImageKind::Qcow2,
                     progress))
                .diskBytes;
    }
    NewFile target = TRY(NewFile::create(path, NewFile::Naming::Unnamed));
    std::vector<UniqueFd> files;
    files.push_back(TRY(target.fd().duplicate()));
    TRY(explained(
        ImageJob(m_program).run(control::CreateImage{0, wanted}, std::move(files), progress),
        u"The disk image %1 cannot be created"_s.arg(path)));
    return target.finish();
}

Result<void> ImageTool::convert(const DiskSource& source, const QString& target,
                                const ConvertOptions& options, Progress& progress) const {
    const QList<DiskFile> files = TRY(filesOf(source, progress));
    NewFile result = TRY(NewFile::create(target, NewFile::Naming::Unnamed));
    std::vector<UniqueFd> descriptors;
    control::ConvertImage request;
    request.shape = options.shape;
    request.pack = options.pack;
    request.source = TRY(openChain(files, 0, options.locks, descriptors));
    request.shared = static_cast<uint32_t>(options.shared.size());
    if (files.size() == 1 && files.first().format == options.shape.format && !options.pack &&
        isDefaultShape(options.shape) && reflink(descriptors.front(), result.fd()))
        return result.finish();
    descriptors.push_back(TRY(result.fd().duplicate()));
    request.targetFd = static_cast<int>(descriptors.size()) - 1;
    TRY(explained(ImageJob(m_program).run(request, std::move(descriptors), progress),
                  u"The disk image %1 cannot be written to %2"_s.arg(files.last().path, target)));
    return result.finish();
}

Result<void> ImageTool::convertForeign(const QString& source, ImageKind kind, const QString& target,
                                       const control::ImageShape& shape, Progress& progress) const {
    const QString what = u"The disk image %1 cannot be converted"_s.arg(source);
    UniqueFd file = TRY(open(source, Access::Read, FileLocks::Take));
    // First by our own eyes: whether the image stands alone.
    std::vector<UniqueFd> descriptors;
    descriptors.push_back(TRY(file.duplicate()));
    const control::ImageInfo found = TRY(explained(
        ImageJob(m_program).run(control::InspectImage{0, kind}, std::move(descriptors), progress),
        what));
    if (found.kind != kind || !control::isForeign(kind))
        return refused(ErrorCode::InvalidArgument,
                       u"%1 is not an image of another program."_s.arg(source));
    NewFile result = TRY(NewFile::create(target, NewFile::Naming::Hidden));
    descriptors.clear();
    descriptors.push_back(std::move(file));
    descriptors.push_back(TRY(result.fd().duplicate()));
    control::ConvertForeignImage request;
    request.sourceFd = 0;
    request.targetFd = 1;
    request.kind = kind;
    request.shape = shape;
    TRY(explained(
        ImageJob(m_program, ImageJob::Kind::Foreign).run(request, std::move(descriptors), progress),
        what));
    return result.finish();
}

Result<control::CompactResult> ImageTool::compact(const DiskSource& image, Progress& progress,
                                                  FileLocks locks) const {
    const QList<DiskFile> files = TRY(filesOf(image, progress));
    // A link stays one: what it names is replaced.
    const QString path = QFileInfo(files.last().path).canonicalFilePath();
    std::vector<UniqueFd> descriptors;
    control::CompactImage request;
    // Open for writing although only read: nobody else may have it while it is replaced.
    request.images = TRY(openChain(files, 1, locks, descriptors));
    const UniqueFd held = TRY(descriptors.back().duplicate());
    NewFile result =
        TRY(NewFile::create(path, NewFile::Naming::Unnamed, NewFile::Target::Replaced));
    descriptors.push_back(TRY(result.fd().duplicate()));
    request.targetFd = static_cast<int>(descriptors.size()) - 1;
    const auto report =
        TRY(explained(ImageJob(m_program).run(request, std::move(descriptors), progress),
                      u"The disk image %1 cannot be compacted"_s.arg(path)));
    TRY(result.finish());
    return report;
}

// --- In place --------------------------------------------------------------------------------

Result<void> ImageTool::resize(const DiskSource& image, uint64_t diskBytes,
                               control::ImageShrink shrink, Progress& progress,
                               FileLocks locks) const {
    const QList<DiskFile> files = TRY(filesOf(image, progress));
    std::vector<UniqueFd> descriptors;
    control::ResizeImage request;
    request.images = TRY(openChain(files, 1, locks, descriptors));
    request.diskBytes = diskBytes;
    request.shrink = shrink;
    return withoutValue(
        explained(ImageJob(m_program).run(request, std::move(descriptors), progress),
                  u"The disk image %1 cannot be resized"_s.arg(files.last().path)));
}

Result<void> ImageTool::rebase(const DiskSource& image, const RebaseOptions& options,
                               Progress& progress) const {
    // For the name alone the old backing files need not even exist.
    const QList<DiskFile> files =
        options.nameOnly ? QList<DiskFile>{image.files.last()} : TRY(filesOf(image, progress));
    std::vector<UniqueFd> descriptors;
    control::RebaseImage request;
    request.images = TRY(openChain(files, 1, options.locks, descriptors));
    request.nameOnly = options.nameOnly;
    if (!options.below.isEmpty()) {
        const DiskFile& backing = options.below.last();
        request.backingName =
            QFile::encodeName(options.backingName.isEmpty() ? backing.path : options.backingName)
                .toStdString();
        request.backingFormat = control::diskFormatName(backing.format);
        if (!options.nameOnly)
            request.below = TRY(openChain(options.below, 0, options.locks, descriptors));
    }
    return withoutValue(
        explained(ImageJob(m_program).run(request, std::move(descriptors), progress),
                  u"The disk image %1 cannot be rebased"_s.arg(files.last().path)));
}

Result<void> ImageTool::commit(const DiskSource& image, Progress& progress, FileLocks locks) const {
    const QList<DiskFile> files = TRY(filesOf(image, progress));
    if (files.size() < 2)
        return refused(
            ErrorCode::InvalidArgument,
            u"The disk image %1 has no backing file to commit to."_s.arg(files.last().path));
    std::vector<UniqueFd> descriptors;
    control::CommitImage request{TRY(openChain(files, 2, locks, descriptors))};
    return withoutValue(
        explained(ImageJob(m_program).run(request, std::move(descriptors), progress),
                  u"The disk image %1 cannot be committed"_s.arg(files.last().path)));
}

Result<void> ImageTool::remove(const QString& path) const {
    // Locked while it goes: a machine that starts now does not find it half in use. A file that may
    // only be read can still be removed.
    auto held = open(path, Access::Write, FileLocks::Take);
    if (!held && held.error().code != ErrorCode::PermissionDenied)
        return held.error();
    if (::unlink(QFile::encodeName(path).constData()) != 0)
        return Error{
            ErrorCode::PermissionDenied, errno,
            u"The file %1 may not be removed; change the permissions of its folder."_s.arg(path)
                .toStdString()};
    return {};
}

} // namespace vivarium
