#include "vmm/disk/raw_image.h"

#include "vmm/base/bytes.h"
#include "vmm/disk/raw_task.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kMaxImageBytes = uint64_t{1} << 62; // offsets stay positive as off_t

Result<uint64_t> contentBytes(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) < 0)
        return systemError(errno, "examine disk image");
    if (S_ISDIR(status.st_mode))
        return fail(ErrorCode::InvalidArgument, "a disk image cannot be a folder");
    if (S_ISREG(status.st_mode))
        return static_cast<uint64_t>(status.st_size);
    if (!S_ISBLK(status.st_mode))
        return fail(ErrorCode::InvalidArgument, "a disk image must be a file or a block device");
    off_t end = ::lseek(fd, 0, SEEK_END); // unlike an ioctl, allowed in the worker's sandbox
    if (end < 0)
        return systemError(errno, "find size of block device");
    return static_cast<uint64_t>(end);
}

Result<void> checkOpenMode(int fd, DiskAccess access) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0)
        return systemError(errno, "examine disk image");
    int mode = flags & O_ACCMODE;
    if (mode == O_WRONLY || (mode == O_RDONLY && access == DiskAccess::ReadWrite))
        return fail(ErrorCode::PermissionDenied, mode == O_WRONLY
                                                     ? "the disk image is not open for reading"
                                                     : "the disk image is not open for writing");
    constexpr int kUnwanted = O_APPEND | O_DIRECT | O_NONBLOCK;
    // EPERM: a file with the append-only attribute, which cannot be a disk.
    if ((flags & kUnwanted) != 0 && ::fcntl(fd, F_SETFL, flags & ~kUnwanted) < 0)
        return fail(ErrorCode::InvalidArgument, "the disk image is append-only");
    return {};
}

Result<std::unique_ptr<IoEngine>> createEngine(const RawImageOptions& options) {
    if (options.engine)
        return IoEngine::create(*options.engine, options.threadStarted);
    auto uring = IoEngine::create(IoEngine::Kind::IoUring, options.threadStarted);
    if (uring || uring.error().code != ErrorCode::Unsupported)
        return uring;
    return IoEngine::create(IoEngine::Kind::ThreadPool, options.threadStarted);
}

} // namespace

Result<std::unique_ptr<RawImage>> RawImage::create(UniqueFd fd, RawImageOptions options) {
    uint64_t bytes = TRY(contentBytes(fd.get()));
    if (bytes == 0)
        return fail(ErrorCode::InvalidArgument, "the disk image is empty");
    if (bytes > kMaxImageBytes)
        return fail(ErrorCode::LimitExceeded, "the disk image is too large");
    TRY(checkOpenMode(fd.get(), options.access));
    auto engine = TRY(createEngine(options));
    return std::unique_ptr<RawImage>(
        new RawImage(std::move(fd), alignUp(bytes, kSectorBytes), options, std::move(engine)));
}

RawImage::RawImage(UniqueFd fd, uint64_t sizeBytes, const RawImageOptions& options,
                   std::unique_ptr<IoEngine> engine)
    : m_fd(std::move(fd)), m_sizeBytes(sizeBytes), m_access(options.access),
      m_cacheMode(options.cacheMode), m_engine(std::move(engine)) {}

RawImage::~RawImage() = default;

void RawImage::submit(BlockRequest request) {
    int error = checkBlockRequest(request, m_sizeBytes, m_access);
    m_engine->submit(std::make_unique<RawTask>(*this, std::move(request), error));
}

} // namespace vivarium
