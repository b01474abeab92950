#include "vmm/disk/test_support/memory_block_device.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vivarium {

BlockRequest MemoryBlockDevice::take(size_t index) {
    BlockRequest request = std::move(m_waiting.at(index));
    m_waiting.erase(m_waiting.begin() + static_cast<std::ptrdiff_t>(index));
    return request;
}

void MemoryBlockDevice::complete(size_t index) {
    BlockRequest request = take(index);
    request.completed(perform(request));
}

void MemoryBlockDevice::fail(size_t index, int errorNumber) {
    take(index).completed(errorNumber);
}

int MemoryBlockDevice::perform(const BlockRequest& request) {
    using Kind = BlockRequest::Kind;
    if (request.kind == Kind::Flush)
        return 0;
    if (request.kind != Kind::Read && readOnly())
        return EROFS;
    uint64_t length = request.lengthBytes;
    if (request.kind == Kind::Read || request.kind == Kind::Write) {
        uint64_t sum = 0;
        for (const iovec& buffer : request.buffers)
            sum += buffer.iov_len;
        if (sum != length)
            return EINVAL;
    }
    if (request.offsetBytes % 512 != 0 || length % 512 != 0 ||
        !rangeFits(request.offsetBytes, length, m_bytes.size()))
        return EINVAL;
    uint8_t* at = m_bytes.data() + request.offsetBytes;
    if (request.kind == Kind::Discard || request.kind == Kind::WriteZeroes) {
        std::fill_n(at, length, uint8_t{0});
        return 0;
    }
    for (const iovec& buffer : request.buffers) {
        if (request.kind == Kind::Read)
            std::memcpy(buffer.iov_base, at, buffer.iov_len);
        else
            std::memcpy(at, buffer.iov_base, buffer.iov_len);
        at += buffer.iov_len;
    }
    return 0;
}

} // namespace vivarium
