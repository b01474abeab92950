#include "core/jobs/new_file.h"

#include "vmm/base/crash_points.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRandomGenerator>
#include <QRegularExpression>

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kMaxNameBytes = 200; // leaves room for what is added; NAME_MAX is 255
constexpr int kMaxTries = 8;

// Says "somebody is writing this file": one byte far behind all that images lock or store.
constexpr off_t kMarkOffset = off_t{1} << 62;
bool markAsWritten(int fd) {
    struct flock mark {};
    mark.l_type = F_WRLCK;
    mark.l_whence = SEEK_SET;
    mark.l_start = kMarkOffset;
    mark.l_len = 1;
    return ::fcntl(fd, F_OFD_SETLK, &mark) == 0;
}

bool stillNamed(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && status.st_nlink > 0;
}

// Makes the folder's entries durable. A file system that cannot does not matter here.
void syncFolder(const QByteArray& folder) {
    const UniqueFd fd(::open(folder.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd)
        ::fsync(fd.get());
}

} // namespace

NewFile::NewFile(const QString& path, Target target)
    : m_path(QFile::encodeName(path)), m_folder(QFile::encodeName(QFileInfo(path).absolutePath())),
      m_target(target) {}

NewFile::NewFile(NewFile&& other) noexcept
    : m_path(std::move(other.m_path)), m_folder(std::move(other.m_folder)),
      m_target(other.m_target), m_fd(std::move(other.m_fd)),
      m_hidden(std::exchange(other.m_hidden, {})) {}

NewFile::~NewFile() {
    if (!m_hidden.isEmpty())
        ::unlink(m_hidden.constData());
}

Result<NewFile> NewFile::create(const QString& path, Naming naming, Target target) {
    NewFile file(path, target);
    struct stat status {};
    const bool exists = ::lstat(file.m_path.constData(), &status) == 0;
    if (exists && target == Target::MustNotExist)
        return file.failure(EEXIST);
    file.removeLeftovers();
    if (naming == Naming::Hidden)
        TRY(file.createHidden());
    else
        TRY(file.createUnnamed());
    if (exists) // a replacement is as accessible as what it replaces
        ::fchmod(file.m_fd.get(), status.st_mode & 07777);
    return file;
}

Result<void> NewFile::createUnnamed() {
    m_fd.reset(::open(m_folder.constData(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (m_fd)
        return {};
    // Kernels and file systems without it say one of these.
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
        return createHidden();
    return failure(errno);
}

Result<void> NewFile::createHidden() {
    for (int attempt = 0; attempt < kMaxTries; ++attempt) {
        const QByteArray name = hiddenPath();
        UniqueFd fd(
            ::open(name.constData(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!fd && errno == EEXIST)
            continue;
        if (!fd)
            return failure(errno);
        static_cast<void>(markAsWritten(fd.get()));
        // Between the two calls another program may have taken it for a leftover.
        if (!stillNamed(fd.get()))
            continue;
        m_fd = std::move(fd);
        m_hidden = name;
        return {};
    }
    return failure(EEXIST);
}

QByteArray NewFile::hiddenPath() const {
    const QByteArray name = m_path.mid(m_path.lastIndexOf('/') + 1).left(kMaxNameBytes);
    const QByteArray random =
        QByteArray::number(QRandomGenerator::system()->generate(), 16).rightJustified(8, '0');
    return m_folder + "/." + name + '.' + random + ".part";
}

void NewFile::removeLeftovers() const {
    static const QRegularExpression kName(u"^\\..+\\.[0-9a-f]{8}\\.part$"_s);
    const QDir folder(QFile::decodeName(m_folder));
    for (const QString& name : folder.entryList({u".*.part"_s}, QDir::Files | QDir::Hidden)) {
        if (!kName.match(name).hasMatch())
            continue;
        const QByteArray path = m_folder + '/' + QFile::encodeName(name);
        const UniqueFd fd(::open(path.constData(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (fd && markAsWritten(fd.get()))
            ::unlink(path.constData());
    }
}

int NewFile::giveName() {
    crashPoint();
    const QByteArray self = "/proc/self/fd/" + QByteArray::number(m_fd.get());
    if (m_hidden.isEmpty()) {
        const QByteArray name = m_target == Target::Replaced ? hiddenPath() : m_path;
        if (::linkat(AT_FDCWD, self.constData(), AT_FDCWD, name.constData(), AT_SYMLINK_FOLLOW) !=
            0)
            return errno;
        if (m_target == Target::MustNotExist)
            return 0;
        m_hidden = name;
    }
    if (m_target == Target::Replaced) {
        if (::rename(m_hidden.constData(), m_path.constData()) != 0)
            return errno;
        m_hidden.clear();
        return 0;
    }
    if (::renameat2(AT_FDCWD, m_hidden.constData(), AT_FDCWD, m_path.constData(),
                    RENAME_NOREPLACE) == 0) {
        m_hidden.clear();
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    // A file system that cannot: a second name never replaces anything; the first goes with us.
    return ::link(m_hidden.constData(), m_path.constData()) == 0 ? 0 : errno;
}

Result<void> NewFile::finish() {
    crashPoint();
    if (::fsync(m_fd.get()) != 0)
        return failure(errno);
    if (const int number = giveName(); number != 0)
        return failure(number);
    syncFolder(m_folder);
    return {};
}

Error NewFile::failure(int number) const {
    const QString path = QFile::decodeName(m_path);
    switch (number) {
    case EEXIST:
        return Error{ErrorCode::AlreadyExists, number,
                     u"The file %1 exists already; choose another name."_s.arg(path).toStdString()};
    case ENOENT:
    case ENOTDIR:
        return Error{ErrorCode::NotFound, number,
                     u"The folder %1 does not exist; create it or choose another."_s
                         .arg(QFile::decodeName(m_folder))
                         .toStdString()};
    case EACCES:
    case EPERM:
    case EROFS:
        return Error{
            ErrorCode::PermissionDenied, number,
            u"The file %1 cannot be created; choose a folder that you may write to."_s.arg(path)
                .toStdString()};
    case ENOSPC:
    case EDQUOT:
        return Error{
            ErrorCode::NoSpace, number,
            u"There is not enough space for %1; free some or choose another disk."_s.arg(path)
                .toStdString()};
    default:
        return systemError(number, u"The file %1 cannot be created"_s.arg(path).toStdString());
    }
}

} // namespace vivarium
