#include "core/database/operation_lock.h"

#include "core/database/short_wait.h"

#include <QFile>

#include <cerrno>

#include <fcntl.h>

namespace vivarium {

using namespace Qt::StringLiterals;

QString OperationLock::path(const QString& folder) {
    return folder + u"/operation.lock"_s;
}

Result<OperationLock> OperationLock::acquire(const QString& folder) {
    const QByteArray file = QFile::encodeName(path(folder));
    UniqueFd fd(::open(file.constData(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd)
        return systemError(errno, "The machine's lock file " + path(folder).toStdString() +
                                      " cannot be opened");
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
        if (errno == EAGAIN || errno == EACCES)
            return fail(ErrorCode::Busy, "Another operation on the machine's snapshots is under "
                                         "way; wait for it or cancel it.");
        return systemError(errno, "The machine's lock file " + path(folder).toStdString() +
                                      " cannot be locked");
    }
    return OperationLock(std::move(fd));
}

Result<OperationLock> OperationLock::acquireSoon(const QString& folder,
                                                 const std::function<bool()>& cancelled) {
    constexpr std::chrono::milliseconds kPatience(2000);
    Result<OperationLock> lock = fail(ErrorCode::Busy, {});
    waitUntil(
        [&] {
            lock = acquire(folder);
            return lock || lock.error().code != ErrorCode::Busy;
        },
        kPatience, cancelled);
    return lock;
}

} // namespace vivarium
