#include "vmm/disk/io/io_buffers.h"

#include <algorithm>

namespace vivarium {

IoBuffers IoBuffers::slice(uint64_t offset, uint64_t length) const {
    IoBuffers out;
    for (const iovec& part : m_parts) {
        if (length == 0)
            break;
        if (offset >= part.iov_len) {
            offset -= part.iov_len;
            continue;
        }
        uint64_t bytes = std::min<uint64_t>(part.iov_len - offset, length);
        out.append(static_cast<uint8_t*>(part.iov_base) + offset, bytes);
        offset = 0;
        length -= bytes;
    }
    return out;
}

void IoBuffers::fillZero() const {
    for (const iovec& part : m_parts)
        std::memset(part.iov_base, 0, part.iov_len);
}

void IoBuffers::copyFrom(const uint8_t* bytes) const {
    for (const iovec& part : m_parts) {
        std::memcpy(part.iov_base, bytes, part.iov_len);
        bytes += part.iov_len;
    }
}

void IoBuffers::copyTo(uint8_t* bytes) const {
    for (const iovec& part : m_parts) {
        std::memcpy(bytes, part.iov_base, part.iov_len);
        bytes += part.iov_len;
    }
}

} // namespace vivarium
