#include "core/supervisor/image_files.h"

#include "core/database/machine_lock.h"
#include "core/disks/file_stamp.h"
#include "core/provision/iso_inspection.h"

#include <QFile>
#include <QFileInfo>

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr off_t kSectorBytes = 512;
constexpr off_t kOpticalSectorBytes = 2048;
// Mastering programs may count padding that they do not write; a broken download lacks more.
constexpr uint64_t kPaddingTolerance = 1 << 20;

Error refused(ErrorCode code, const QString& sentence) {
    return fail(code, sentence.toStdString());
}

Error cannotOpen(int number, const QString& what, const QString& path, bool forWriting) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return Error{ErrorCode::NotFound, number,
                     u"%1 %2 does not exist; choose another file or remove it from the machine."_s
                         .arg(what, path)
                         .toStdString()};
    case EACCES:
    case EPERM:
    case EROFS:
        return Error{
            ErrorCode::PermissionDenied, number,
            (forWriting
                 ? u"%1 %2 cannot be opened for writing; change its permissions or attach it read-only."_s
                 : u"%1 %2 cannot be read; change its permissions."_s)
                .arg(what, path)
                .toStdString()};
    case EISDIR:
        return refused(ErrorCode::InvalidArgument,
                       u"%1 %2 is a folder; choose a file."_s.arg(what, path));
    default:
        return systemError(number, u"%1 %2 cannot be opened"_s.arg(what, path).toStdString());
    }
}

// Opens without waiting for anything (a FIFO would), then checks what it is.
Result<UniqueFd> openFile(const QString& path, const QString& what, int access,
                          struct stat& status) {
    UniqueFd fd(
        ::open(QFile::encodeName(path).constData(), access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd)
        return cannotOpen(errno, what, path, access == O_RDWR);
    if (::fstat(fd.get(), &status) != 0)
        return cannotOpen(errno, what, path, access == O_RDWR);
    if (S_ISDIR(status.st_mode))
        return cannotOpen(EISDIR, what, path, access == O_RDWR);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return refused(ErrorCode::InvalidArgument,
                       u"%1 %2 is neither a file nor a disk; choose another."_s.arg(what, path));
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
    return fd;
}

Result<void> checkSize(const DriveSettings& drive, const QString& what, int fd,
                       const struct stat& status) {
    if (!S_ISREG(status.st_mode))
        return {};
    const bool optical = drive.type == DriveType::Optical;
    const off_t least = optical ? kOpticalSectorBytes : kSectorBytes;
    if (status.st_size < least)
        return refused(
            ErrorCode::Corrupt,
            u"%1 %2 is truncated: it has %3 bytes, less than one sector of %4; replace it."_s
                .arg(what, drive.path)
                .arg(status.st_size)
                .arg(least));
    if (!optical)
        return {};
    const IsoInfo info = readVolumeDescriptors(fd);
    if (info.iso9660 &&
        info.statedBytes > static_cast<uint64_t>(status.st_size) + kPaddingTolerance)
        return refused(ErrorCode::Corrupt,
                       u"%1 %2 is truncated: it has %3 of %4 bytes; download or copy it again."_s
                           .arg(what, drive.path)
                           .arg(status.st_size)
                           .arg(info.statedBytes));
    return {};
}

} // namespace

Result<UniqueFd> ImageFiles::openDrive(const DriveSettings& drive) const {
    const bool optical = drive.type == DriveType::Optical;
    const QString what = optical ? u"The medium"_s : u"The disk image"_s;
    struct stat status {};
    UniqueFd fd =
        TRY(openFile(drive.path, what, optical || drive.readOnly ? O_RDONLY : O_RDWR, status));
    TRY(checkSize(drive, what, fd.get(), status));
    TRY(lock(fd.get(), drive));
    // Behind the lock nobody replaces it any more; before it a job may have.
    if (::fstat(fd.get(), &status) == 0 && status.st_nlink == 0)
        return refused(ErrorCode::Busy,
                       u"%1 %2 was replaced this moment; try again."_s.arg(what, drive.path));
    return fd;
}

Result<std::vector<OpenedImage>> ImageFiles::openDisk(const DriveSettings& drive,
                                                      const QList<DiskLayer>& chain) const {
    std::vector<OpenedImage> images;
    for (qsizetype i = 0; i + 1 < chain.size(); ++i)
        images.push_back({TRY(openLayer(chain.at(i), chain.at(i + 1).path)), chain.at(i).format});
    images.push_back({TRY(openDrive(drive)), drive.format});
    return images;
}

Result<UniqueFd> ImageFiles::openLayer(const DiskLayer& layer, const QString& above) const {
    struct stat status {};
    const QString what = u"The base of the disk image %1,"_s.arg(above);
    UniqueFd fd = TRY(openFile(layer.path, what, O_RDONLY, status));
    struct flock shared {};
    shared.l_type = F_RDLCK;
    shared.l_whence = SEEK_SET; // the whole file
    if (::fcntl(fd.get(), F_OFD_SETLK, &shared) != 0 && (errno == EAGAIN || errno == EACCES)) {
        const QString user = userOf(layer.path);
        return refused(
            ErrorCode::Busy,
            user.isEmpty()
                ? u"%1 %2, is being written to by another program; close it there first."_s.arg(
                      what, layer.path)
                : u"%1 %2, is being written to by the machine “%3”; stop that machine first."_s.arg(
                      what, layer.path, user));
    }
    // Behind the lock nobody writes to it any more; before it somebody may have.
    if (::fstat(fd.get(), &status) != 0 || fileStamp(status) != layer.stamp)
        return refused(ErrorCode::Busy,
                       u"%1 %2, was changed this moment; try again."_s.arg(what, layer.path));
    return fd;
}

Result<UniqueFd> ImageFiles::openForReading(const QString& path, const QString& what) const {
    struct stat status {};
    UniqueFd fd = TRY(openFile(path, what, O_RDONLY, status));
    if (status.st_size == 0)
        return refused(ErrorCode::Corrupt, u"%1 %2 is empty; replace it."_s.arg(what, path));
    return fd;
}

Result<void> ImageFiles::lock(int fd, const DriveSettings& drive) const {
    struct flock wanted {};
    wanted.l_type = drive.type == DriveType::HardDisk && !drive.readOnly ? F_WRLCK : F_RDLCK;
    wanted.l_whence = SEEK_SET; // the whole file
    if (::fcntl(fd, F_OFD_SETLK, &wanted) == 0)
        return {};
    if (errno != EAGAIN && errno != EACCES) // a file system without locks protects nobody
        return {};
    const QString user = userOf(drive.path);
    const QString what = drive.type == DriveType::Optical ? u"The medium"_s : u"The disk image"_s;
    return refused(
        ErrorCode::Busy,
        user.isEmpty()
            ? u"%1 %2 is in use by another program; close it there first."_s.arg(what, drive.path)
            : u"%1 %2 is in use by the machine “%3”; stop that machine first."_s.arg(
                  what, drive.path, user));
}

QString ImageFiles::userOf(const QString& path) const {
    const QString wanted = QFileInfo(path).canonicalFilePath();
    for (const Machine& machine : m_others)
        for (const DriveSettings& drive : machine.settings.drives)
            if (!drive.path.isEmpty() && QFileInfo(drive.path).canonicalFilePath() == wanted &&
                MachineLock::inspect(machine.folder).holder == MachineLock::Holder::Worker)
                return machine.settings.name;
    return {};
}

} // namespace vivarium
