#include "core/provision/disk_creation.h"

#include "core/jobs/job.h"
#include "vmm/base/unique_fd.h"

#include <QFile>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace vivarium {

namespace {

constexpr uint64_t kStepBytes = 256 << 20;
constexpr uint64_t kSectorBytes = 512;

// Removes the unfinished file unless it was kept.
class PartialFile {
public:
    explicit PartialFile(QByteArray path) : m_path(std::move(path)) {}
    ~PartialFile() {
        if (!m_kept)
            ::unlink(m_path.constData());
    }
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;
    // Gives it its final name unless something has that name by now.
    Result<void> keepAs(const QByteArray& path) {
        if (::renameat2(AT_FDCWD, m_path.constData(), AT_FDCWD, path.constData(),
                        RENAME_NOREPLACE) != 0)
            return systemError(errno,
                               "the disk image " + path.toStdString() + " cannot be created");
        m_kept = true;
        return {};
    }

private:
    QByteArray m_path;
    bool m_kept = false;
};

Result<void> reserve(int fd, uint64_t sizeBytes, const std::string& what, JobControl& control) {
    for (uint64_t done = 0; done < sizeBytes;) {
        if (control.cancelled())
            return fail(ErrorCode::Cancelled, "cancelled");
        const uint64_t step = std::min(kStepBytes, sizeBytes - done);
        const int error = ::posix_fallocate(fd, static_cast<off_t>(done), static_cast<off_t>(step));
        if (error == EINTR)
            continue;
        if (error != 0)
            return systemError(error, what);
        done += step;
        control.setProgress(static_cast<int>(done * 1000 / sizeBytes));
    }
    return {};
}

Result<void> create(const QByteArray& path, uint64_t sizeBytes, DiskAllocation allocation,
                    JobControl& control) {
    const std::string what = "the disk image " + path.toStdString() + " cannot be created";
    if (sizeBytes < kMinDiskBytes || sizeBytes > kMaxDiskBytes || sizeBytes % kSectorBytes != 0)
        return fail(ErrorCode::InvalidArgument,
                    what + ": its size must be between 1 MiB and 64 TiB");
    if (QFile::exists(QFile::decodeName(path)))
        return fail(ErrorCode::AlreadyExists, "the file " + path.toStdString() + " exists already");
    const QByteArray partPath = path + ".part";
    UniqueFd fd(::open(partPath.constData(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd)
        return systemError(errno, what);
    PartialFile part(partPath);
    if (::ftruncate(fd.get(), static_cast<off_t>(sizeBytes)) != 0)
        return systemError(errno, what);
    if (allocation == DiskAllocation::Preallocated)
        TRY(reserve(fd.get(), sizeBytes, what, control));
    if (::fsync(fd.get()) != 0)
        return systemError(errno, what);
    TRY(part.keepAs(path));
    control.setProgress(1000);
    return {};
}

} // namespace

QFuture<Result<void>> createRawDisk(const QString& path, uint64_t sizeBytes,
                                    DiskAllocation allocation) {
    return runJob<void>(
        [path = QFile::encodeName(path), sizeBytes, allocation](JobControl& control) {
            return create(path, sizeBytes, allocation, control);
        });
}

} // namespace vivarium
