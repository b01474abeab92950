#include "vmm/disk/io/host_file.h"

#include "vmm/base/crash_points.h"
#include "vmm/disk/io/direct_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace vivarium {

namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kMaxBytesAtOnce = 256 * 1024;

// Of others the rest of a page might have to be read first.
bool isWholePages(const IoOp& op) {
    if (op.offsetBytes % kPageBytes != 0 || op.bufferCount > kMaxStepBuffers)
        return false;
    const uint64_t bytes = op.transferBytes();
    return bytes <= kMaxBytesAtOnce && bytes % kPageBytes == 0;
}

} // namespace

HostFile::HostFile(IoLoop& loop, UniqueFd fd, bool device, Cache cache)
    : m_loop(loop), m_fd(std::move(fd)), m_isDevice(device), m_cached(cache == Cache::Through),
      m_atOnce(device || !m_cached ? AtOnce::No : AtOnce::Unknown) {}

Result<std::unique_ptr<AsyncFile>> HostFile::create(IoLoop& loop, UniqueFd fd, Access access,
                                                    Cache cache) {
    struct stat status {};
    if (::fstat(fd.get(), &status) < 0)
        return systemError(errno, "examine disk image");
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return fail(ErrorCode::InvalidArgument, "a disk image must be a file or a block device");
    int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0)
        return systemError(errno, "examine disk image");
    int mode = flags & O_ACCMODE;
    if (mode == O_WRONLY)
        return fail(ErrorCode::PermissionDenied, "the disk image is not open for reading");
    if (mode == O_RDONLY && access == Access::ReadWrite)
        return fail(ErrorCode::PermissionDenied, "the disk image is not open for writing");
    constexpr int kUnwanted = O_APPEND | O_DIRECT | O_NONBLOCK;
    if ((flags & kUnwanted) != 0 && ::fcntl(fd.get(), F_SETFL, flags & ~kUnwanted) < 0)
        return fail(ErrorCode::InvalidArgument, "the disk image is append-only");
    const int number = fd.get();
    std::unique_ptr<AsyncFile> file(
        new HostFile(loop, std::move(fd), S_ISBLK(status.st_mode), cache));
    return cache == Cache::Around ? DirectFile::wrap(loop, std::move(file), number)
                                  : std::move(file);
}

void HostFile::start(IoOp& op) {
    if (op.kind != IoOp::Kind::Read)
        crashPoint();
    op.fd = m_fd.get();
    op.cached = m_cached;
    if (op.kind != IoOp::Kind::Write || !writeAtOnce(op))
        m_loop.start(op);
}

// False: nothing was done, the loop is to make the call.
bool HostFile::writeAtOnce(IoOp& op) {
    if (m_atOnce == AtOnce::No || !isWholePages(op))
        return false;
    const PageCachePace::Clock::time_point begin = PageCachePace::Clock::now();
    if (!m_pace.isQuick(begin))
        return false;
    const int count = static_cast<int>(op.bufferCount);
    const auto offset = static_cast<off_t>(op.offsetBytes);
    if (m_atOnce == AtOnce::Unknown) {
        const ssize_t tried = ::pwritev2(op.fd, op.buffers, count, offset, RWF_NOWAIT);
        if (tried >= 0 || errno != EOPNOTSUPP) { // io_uring does the same, for many at a time
            m_atOnce = AtOnce::No;
            if (tried >= 0)
                m_loop.callDoneSoon(op, tried);
            return tried >= 0;
        }
        m_atOnce = AtOnce::Yes;
    }
    const ssize_t written = ::pwritev(op.fd, op.buffers, count, offset);
    m_loop.callDoneSoon(op, written < 0 ? -errno : written);
    m_pace.wrote(begin, PageCachePace::Clock::now());
    return true;
}

uint64_t HostFile::sizeBytes() {
    if (m_isDevice) { // unlike an ioctl, allowed in the worker's sandbox
        off_t end = ::lseek(m_fd.get(), 0, SEEK_END);
        return end < 0 ? 0 : static_cast<uint64_t>(end);
    }
    struct stat status {};
    return ::fstat(m_fd.get(), &status) < 0 ? 0 : static_cast<uint64_t>(status.st_size);
}

int HostFile::truncate(uint64_t sizeBytes) {
    if (m_isDevice)
        return sizeBytes <= this->sizeBytes() ? 0 : ENOSPC;
    crashPoint();
    while (::ftruncate(m_fd.get(), static_cast<off_t>(sizeBytes)) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

bool HostFile::shareLock() {
    struct flock shared {};
    shared.l_type = F_RDLCK;
    shared.l_whence = SEEK_SET;
    // A file system without locks protects nobody.
    return ::fcntl(m_fd.get(), F_OFD_SETLK, &shared) == 0 || (errno != EAGAIN && errno != EACCES);
}

AsyncFile::DataRange HostFile::nextData(uint64_t offsetBytes, uint64_t lengthBytes) {
    const uint64_t end = offsetBytes + lengthBytes;
    if (m_isDevice)
        return {offsetBytes, end};
    off_t data = ::lseek(m_fd.get(), static_cast<off_t>(offsetBytes), SEEK_DATA);
    if (data < 0) // ENXIO: nothing but a hole up to the end of the file
        return errno == ENXIO ? DataRange{end, end} : DataRange{offsetBytes, end};
    if (static_cast<uint64_t>(data) >= end)
        return {end, end};
    off_t hole = ::lseek(m_fd.get(), data, SEEK_HOLE);
    uint64_t dataEnd = hole < 0 ? end : std::min<uint64_t>(static_cast<uint64_t>(hole), end);
    return {static_cast<uint64_t>(data), dataEnd};
}

} // namespace vivarium
