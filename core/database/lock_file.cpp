#include "core/database/lock_file.h"

#include <QFile>

#include <cerrno>

#include <fcntl.h>

namespace vivarium {

namespace {

struct flock wholeFile() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

} // namespace

Result<UniqueFd> acquireLock(const LockFile& file) {
    const auto failed = [&file](const char* what) {
        return systemError(errno, file.name + " " + file.path.toStdString() + " cannot be " + what);
    };
    UniqueFd fd(::open(QFile::encodeName(file.path).constData(),
                       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | file.openFlags, 0600));
    if (!fd)
        return failed("opened");
    struct flock lock = wholeFile();
    const bool waits = file.busy.empty();
    while (::fcntl(fd.get(), waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock) != 0) {
        if (waits && errno == EINTR)
            continue;
        if (!waits && (errno == EAGAIN || errno == EACCES))
            return fail(ErrorCode::Busy, file.busy);
        return failed("locked");
    }
    return fd;
}

bool isLockHeld(int fd) {
    struct flock lock = wholeFile();
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

} // namespace vivarium
