#include "core/snapshots/snapshot_files.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QUuid>

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium::snapshot_files {

using namespace Qt::StringLiterals;

namespace {

constexpr mode_t kFolderMode = 0700; // a guest's memory is nobody else's business
constexpr mode_t kFileMode = 0600;

// False while somebody else has the file; a file system without locks protects nobody.
bool tryLock(int fd, short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

} // namespace

QString snapshotFolder(const Machine& machine, const SnapshotId& id) {
    return machine.folder + u"/snapshots/"_s + id.toString();
}

QString savedFolder(const Machine& machine, const QString& id) {
    return machine.folder + u"/saved/"_s + id;
}

QString thumbnailIn(const QString& folder) {
    return folder + u"/thumbnail.png"_s;
}

QString newLayer(const QString& machineFolder) {
    return u"%1/snapshots/%2.qcow2"_s.arg(machineFolder,
                                          QUuid::createUuid().toString(QUuid::WithoutBraces));
}

MemoryState newMemory(const QString& folder, const std::optional<MemoryState>& parent) {
    MemoryState state;
    state.id = QUuid::createUuid().toString(QUuid::WithoutBraces);
    state.statePath = folder + u"/state"_s;
    state.indexPath = folder + u"/ram.index"_s;
    state.files << folder + u"/ram"_s;
    if (parent)
        state.files += parent->files;
    return state;
}

QString backingName(const QString& layer, const QString& below, const QString& machineFolder) {
    if (!below.startsWith(machineFolder + u'/') || !layer.startsWith(machineFolder + u'/'))
        return below;
    return QDir(QFileInfo(layer).path()).relativeFilePath(below);
}

Result<void> makeFolder(const QString& path) {
    const QByteArray name = QFile::encodeName(path);
    if (::mkdir(name.constData(), kFolderMode) == 0)
        return {};
    if (errno == EEXIST && QFileInfo(path).isDir())
        return {};
    if (errno == ENOENT) {
        TRY(makeFolder(QFileInfo(path).path()));
        if (::mkdir(name.constData(), kFolderMode) == 0 || errno == EEXIST)
            return {};
    }
    return systemError(errno, "The folder " + path.toStdString() + " cannot be made");
}

Result<UniqueFd> create(const QString& path) {
    UniqueFd fd(::open(QFile::encodeName(path).constData(),
                       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
    if (!fd)
        return systemError(errno, "The file " + path.toStdString() + " cannot be made");
    return fd;
}

Result<void> lockForWriting(int fd, const QString& path) {
    if (tryLock(fd, F_WRLCK))
        return {};
    return fail(ErrorCode::Busy, path.toStdString() + " is in use by another program.");
}

bool lockForReading(int fd) {
    return tryLock(fd, F_RDLCK);
}

Result<UniqueFd> open(const QString& path, int flags) {
    UniqueFd fd(::open(QFile::encodeName(path).constData(), flags | O_CLOEXEC | O_NOFOLLOW));
    if (!fd)
        return systemError(errno, "The file " + path.toStdString() + " cannot be opened");
    return fd;
}

void sync(const QString& folder) {
    const UniqueFd fd(
        ::open(QFile::encodeName(folder).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd)
        ::fsync(fd.get());
}

bool remove(const QString& path) {
    const QByteArray name = QFile::encodeName(path);
    if (::unlink(name.constData()) != 0 && errno != ENOENT && errno != ENOTDIR) {
        if (errno != EISDIR || ::rmdir(name.constData()) != 0)
            return false;
    }
    // ".../snapshots/<id>/state": the id's folder, then "snapshots" itself.
    QString folder = QFileInfo(path).path();
    for (int level = 0; level < 2; ++level, folder = QFileInfo(folder).path()) {
        const QString self = QFileInfo(folder).fileName();
        const QString above = QFileInfo(QFileInfo(folder).path()).fileName();
        const auto ours = [](const QString& n) { return n == u"snapshots"_s || n == u"saved"_s; };
        if ((!ours(self) && !ours(above)) || ::rmdir(QFile::encodeName(folder).constData()) != 0)
            break;
    }
    return true;
}

} // namespace vivarium::snapshot_files
