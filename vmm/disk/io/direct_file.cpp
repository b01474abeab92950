#include "vmm/disk/io/direct_file.h"

#include "vmm/base/log.h"

#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>

namespace vivarium {

namespace {

struct Free {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
};
using AlignedBytes = std::unique_ptr<uint8_t, Free>;

constexpr uint64_t kMask = DirectFile::kBlockBytes - 1;

bool isAligned(const IoOp& op) {
    if (op.offsetBytes & kMask)
        return false;
    // Also when the kernel takes fewer buffers a call than there are, each call begins at a block.
    for (unsigned i = 0; i < op.bufferCount; ++i) {
        const iovec& part = op.buffers[i];
        if (reinterpret_cast<uintptr_t>(part.iov_base) % DirectFile::kMemoryAlignment != 0 ||
            (part.iov_len & kMask) != 0)
            return false;
    }
    return true;
}

} // namespace

std::unique_ptr<AsyncFile> DirectFile::wrap(IoLoop& loop, std::unique_ptr<AsyncFile> file, int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    const uint64_t size = file->sizeBytes();
    if (flags < 0 || (size & kMask) != 0 || ::fcntl(fd, F_SETFL, flags | O_DIRECT) < 0) {
        logWarning("disk",
                   "direct I/O is not possible for this disk image; the page cache is used");
        return file;
    }
    return std::unique_ptr<AsyncFile>(new DirectFile(loop, std::move(file)));
}

void DirectFile::start(IoOp& op) {
    const bool transfers = op.kind == IoOp::Kind::Read || op.kind == IoOp::Kind::Write;
    if (!transfers || isAligned(op))
        m_file->start(op);
    else
        throughBuffer(op);
}

DetachedTask DirectFile::throughBuffer(IoOp& op) {
    const uint64_t length = op.transferBytes();
    const uint64_t begin = op.offsetBytes & ~kMask;
    const uint64_t end = (op.offsetBytes + length + kMask) & ~kMask;
    const uint64_t head = op.offsetBytes - begin;
    AlignedBytes bytes(static_cast<uint8_t*>(std::aligned_alloc(kBlockBytes, end - begin)));
    if (!bytes)
        std::abort(); // as everywhere: out of memory ends the process
    IoBuffers parts(std::vector<iovec>(op.buffers, op.buffers + op.bufferCount));
    int error = 0;
    if (op.kind == IoOp::Kind::Read) {
        error = co_await m_file->read(begin, bytes.get(), end - begin);
        if (error == 0)
            parts.copyFrom(bytes.get() + head);
        op.complete(error);
        co_return;
    }
    const bool whole = head == 0 && begin + length == end;
    const auto mode = whole ? RangeLocks::Mode::Shared : RangeLocks::Mode::Exclusive;
    RangeLocks::Held held = co_await m_partlyWritten.lock(begin, end, mode);
    if (!whole) {
        // Only the first and the last block have bytes of others.
        error = co_await m_file->read(begin, bytes.get(), kBlockBytes);
        if (error == 0 && end - begin > kBlockBytes)
            error = co_await m_file->read(end - kBlockBytes,
                                          bytes.get() + (end - begin - kBlockBytes), kBlockBytes);
    }
    if (error == 0) {
        parts.copyTo(bytes.get() + head);
        error = co_await m_file->write(begin, bytes.get(), end - begin);
    }
    held.release();
    op.complete(error);
}

} // namespace vivarium
