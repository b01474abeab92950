#include "core/provision/disk_creation.h"

#include "core/jobs/background.h"
#include "vmm/base/unique_fd.h"

#include <QByteArray>
#include <QFile>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kStepBytes = 64ull << 20; // between looks at cancel; well under a second
constexpr uint64_t kWriteBytes = 1ull << 20;

Error cannotCreate(const QString& path, int number) {
    if (number == EEXIST)
        return fail(
            ErrorCode::AlreadyExists,
            u"The disk image %1 exists already; choose another name."_s.arg(path).toStdString());
    if (number == ENOSPC || number == EDQUOT)
        return Error{ErrorCode::NoSpace, number,
                     u"There is not enough space for the disk image %1."_s.arg(path).toStdString()};
    return systemError(number, u"The disk image %1 cannot be created"_s.arg(path).toStdString());
}

// Reserves [offset, offset + length); writes zeros where the file system cannot reserve.
Result<void> reserve(int fd, uint64_t offset, uint64_t length, const QString& path) {
    if (::fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0)
        return {};
    if (errno != EOPNOTSUPP)
        return cannotCreate(path, errno);
    const std::vector<char> zeros(kWriteBytes);
    for (uint64_t done = 0; done < length;) {
        const ssize_t written = ::pwrite(fd, zeros.data(), std::min(kWriteBytes, length - done),
                                         static_cast<off_t>(offset + done));
        if (written <= 0)
            return cannotCreate(path, errno);
        done += static_cast<uint64_t>(written);
    }
    return {};
}

Result<void> fill(int fd, const QString& path, uint64_t sizeBytes, DiskAllocation allocation,
                  Progress& progress) {
    if (::ftruncate(fd, static_cast<off_t>(sizeBytes)) != 0)
        return cannotCreate(path, errno);
    if (allocation == DiskAllocation::Preallocated) {
        for (uint64_t done = 0; done < sizeBytes;) {
            if (progress.cancelled())
                return fail(ErrorCode::Cancelled, "Creating the disk image was cancelled.");
            const uint64_t step = std::min(kStepBytes, sizeBytes - done);
            TRY(reserve(fd, done, step, path));
            done += step;
            progress.report(static_cast<qint64>(done), static_cast<qint64>(sizeBytes));
        }
    }
    if (::fsync(fd) != 0)
        return cannotCreate(path, errno);
    return {};
}

Result<void> createHere(const QString& path, uint64_t sizeBytes, DiskAllocation allocation,
                        Progress& progress) {
    if (sizeBytes < kMinDiskBytes || sizeBytes > kMaxDiskBytes || sizeBytes % kSectorBytes != 0)
        return fail(
            ErrorCode::InvalidArgument,
            u"The disk size is %1 bytes; it must be a multiple of 512 from 1 MiB to 64 TiB."_s
                .arg(sizeBytes)
                .toStdString());
    const QByteArray file = QFile::encodeName(path);
    UniqueFd fd(::open(file.constData(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd)
        return cannotCreate(path, errno);
    const Result<void> filled = fill(fd.get(), path, sizeBytes, allocation, progress);
    if (!filled)
        ::unlink(file.constData());
    return filled;
}

} // namespace

QFuture<Result<void>> createRawDisk(const QString& path, uint64_t sizeBytes,
                                    DiskAllocation allocation) {
    return runInBackground<void>(
        [=](Progress& progress) { return createHere(path, sizeBytes, allocation, progress); });
}

} // namespace vivarium
