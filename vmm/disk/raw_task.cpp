#include "vmm/disk/raw_task.h"

#include "vmm/base/bytes.h"
#include "vmm/disk/raw_image.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/falloc.h>

namespace vivarium {

namespace {

constexpr size_t kZeroPageBytes = 64 * 1024;
constexpr size_t kMaxZeroBuffers = 64; // 4 MiB of zeroes a call
constexpr unsigned kMaxBusyRetries = 1000;

// iovec has no pointer to const; these bytes are only ever written from.
uint8_t* zeroPage() {
    alignas(4096) static std::array<uint8_t, kZeroPageBytes> page{};
    return page.data();
}

bool means(int error, std::initializer_list<int> errors) {
    return std::find(errors.begin(), errors.end(), error) != errors.end();
}

// A file system or device that does not have the operation at all. EINVAL: block devices with
// blocks larger than the range's alignment.
bool isUnsupported(int error) {
    return means(error, {EOPNOTSUPP, ENOSYS, ENOTTY, EINVAL, ENODEV, EPERM});
}

} // namespace

RawTask::RawTask(RawImage& image, BlockRequest request, int rejectedWith)
    : m_image(image), m_request(std::move(request)), m_rejectedWith(rejectedWith) {
    if (m_rejectedWith == 0)
        start();
}

void RawTask::start() {
    m_step.fd = m_image.m_fd.get();
    switch (m_request.kind) {
    case BlockRequest::Kind::Read:
    case BlockRequest::Kind::Write:
        prepareTransfer();
        return;
    case BlockRequest::Kind::Flush:
        if (m_image.m_cacheMode != DiskCacheMode::Unsafe && !m_image.readOnly())
            m_step.kind = IoStep::Kind::DataSync;
        return;
    case BlockRequest::Kind::Discard:
        if (m_request.lengthBytes > 0 && m_image.m_canPunchHoles) {
            m_step.kind = IoStep::Kind::Allocate;
            m_step.flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
            m_step.offsetBytes = m_request.offsetBytes;
            m_step.lengthBytes = m_request.lengthBytes;
        }
        return;
    case BlockRequest::Kind::WriteZeroes:
        prepareZeroing();
        return;
    }
}

void RawTask::prepareTransfer() {
    auto& buffers = m_request.buffers;
    while (m_nextBuffer < buffers.size() && buffers[m_nextBuffer].iov_len == 0)
        ++m_nextBuffer;
    if (m_nextBuffer == buffers.size()) {
        m_step.kind = IoStep::Kind::None;
        return;
    }
    bool write = m_request.kind == BlockRequest::Kind::Write;
    m_step.kind = write ? IoStep::Kind::Write : IoStep::Kind::Read;
    m_step.offsetBytes = m_request.offsetBytes + m_doneBytes;
    m_step.buffers = buffers.data() + m_nextBuffer;
    m_step.bufferCount =
        static_cast<unsigned>(std::min<size_t>(buffers.size() - m_nextBuffer, kMaxStepBuffers));
    m_step.flags = write && m_image.m_cacheMode == DiskCacheMode::WriteThrough ? RWF_DSYNC : 0;
}

void RawTask::prepareZeroing() {
    uint64_t rest = m_request.lengthBytes - m_doneBytes;
    m_step.kind = IoStep::Kind::None;
    if (rest == 0)
        return;
    if (m_zeroing == Zeroing::ZeroRange && !m_image.m_canZeroRanges)
        m_zeroing = Zeroing::PunchHole;
    if (m_zeroing == Zeroing::PunchHole && !m_image.m_canPunchHoles)
        m_zeroing = Zeroing::Write;
    m_step.offsetBytes = m_request.offsetBytes + m_doneBytes;
    if (m_zeroing != Zeroing::Write) {
        m_step.kind = IoStep::Kind::Allocate;
        m_step.lengthBytes = rest;
        m_step.flags =
            FALLOC_FL_KEEP_SIZE |
            (m_zeroing == Zeroing::ZeroRange ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE);
        return;
    }
    m_zeroBuffers.clear();
    while (rest > 0 && m_zeroBuffers.size() < kMaxZeroBuffers) {
        size_t bytes = static_cast<size_t>(std::min<uint64_t>(rest, kZeroPageBytes));
        m_zeroBuffers.push_back({zeroPage(), bytes});
        rest -= bytes;
    }
    m_step.kind = IoStep::Kind::Write;
    m_step.buffers = m_zeroBuffers.data();
    m_step.bufferCount = static_cast<unsigned>(m_zeroBuffers.size());
    m_step.flags = m_image.m_cacheMode == DiskCacheMode::WriteThrough ? RWF_DSYNC : 0;
}

bool RawTask::stepDone(int64_t result) {
    if (m_rejectedWith != 0)
        return finish(m_rejectedWith);
    int error = result < 0 ? static_cast<int>(-result) : 0;
    if (retry(error))
        return true;
    switch (m_request.kind) {
    case BlockRequest::Kind::Read:
    case BlockRequest::Kind::Write:
        return transferDone(result);
    case BlockRequest::Kind::Flush:
        if (error != 0)
            m_image.m_flushFailed = true;
        else if (m_image.m_flushFailed)
            error = EIO;
        return finish(error);
    case BlockRequest::Kind::Discard:
        // A discard is a hint (ACS-4, 7.10.3.2): a host that cannot give space back is no error.
        if (isUnsupported(error)) {
            m_image.m_canPunchHoles = m_image.m_canPunchHoles && error == EINVAL;
            error = 0;
        }
        return finish(error);
    case BlockRequest::Kind::WriteZeroes:
        return m_step.kind == IoStep::Kind::Write ? zeroWriteDone(result) : allocateDone(error);
    }
    return finish(EINVAL);
}

bool RawTask::transferDone(int64_t result) {
    if (m_step.kind == IoStep::Kind::None) // no bytes to transfer
        return finish(0);
    if (result < 0)
        return finish(static_cast<int>(-result));
    if (result == 0) {
        if (m_request.kind == BlockRequest::Kind::Write)
            return finish(EIO); // a write that makes no progress would never end
        fillRestWithZeroes();   // after the end of the file
        return finish(0);
    }
    consume(static_cast<uint64_t>(result));
    prepareTransfer();
    return m_step.kind == IoStep::Kind::None ? finish(0) : true;
}

bool RawTask::allocateDone(int error) {
    if (m_step.kind == IoStep::Kind::None || error == 0)
        return finish(0);
    if (!isUnsupported(error))
        return finish(error);
    if (m_zeroing == Zeroing::ZeroRange) {
        m_image.m_canZeroRanges = m_image.m_canZeroRanges && error == EINVAL;
        m_zeroing = Zeroing::PunchHole;
    } else {
        m_image.m_canPunchHoles = m_image.m_canPunchHoles && error == EINVAL;
        m_zeroing = Zeroing::Write;
    }
    prepareZeroing();
    return true;
}

bool RawTask::zeroWriteDone(int64_t result) {
    if (result <= 0)
        return finish(result < 0 ? static_cast<int>(-result) : EIO);
    m_doneBytes += static_cast<uint64_t>(result);
    prepareZeroing();
    return m_step.kind == IoStep::Kind::None ? finish(0) : true;
}

void RawTask::consume(uint64_t bytes) {
    m_doneBytes += bytes;
    while (bytes > 0 && m_nextBuffer < m_request.buffers.size()) {
        iovec& buffer = m_request.buffers[m_nextBuffer];
        uint64_t part = std::min<uint64_t>(bytes, buffer.iov_len);
        buffer.iov_base = static_cast<uint8_t*>(buffer.iov_base) + part;
        buffer.iov_len -= part;
        bytes -= part;
        if (buffer.iov_len == 0)
            ++m_nextBuffer;
    }
}

void RawTask::fillRestWithZeroes() {
    for (size_t i = m_nextBuffer; i < m_request.buffers.size(); ++i)
        std::memset(m_request.buffers[i].iov_base, 0, m_request.buffers[i].iov_len);
}

bool RawTask::retry(int error) {
    if (error == EINTR)
        return true;
    return error == EAGAIN && ++m_busyRetries <= kMaxBusyRetries;
}

bool RawTask::finish(int error) {
    if (m_request.completed)
        m_request.completed(error);
    return false;
}

} // namespace vivarium
