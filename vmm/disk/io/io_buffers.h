#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// Scattered memory of one transfer. Borrows the bytes; copies are cheap in proportion to the number
// of parts.
class IoBuffers {
public:
    IoBuffers() = default;
    explicit IoBuffers(std::vector<iovec> parts) : m_parts(std::move(parts)) {
        for (const iovec& part : m_parts)
            m_bytes += part.iov_len;
    }
    IoBuffers(void* data, size_t bytes) : m_parts{{data, bytes}}, m_bytes(bytes) {}

    uint64_t bytes() const { return m_bytes; }
    std::vector<iovec>& parts() { return m_parts; }
    const std::vector<iovec>& parts() const { return m_parts; }

    void append(void* data, size_t bytes) {
        if (bytes == 0)
            return;
        m_parts.push_back({data, bytes});
        m_bytes += bytes;
    }
    void append(const IoBuffers& more) {
        m_parts.insert(m_parts.end(), more.m_parts.begin(), more.m_parts.end());
        m_bytes += more.m_bytes;
    }
    // The part [offset, offset + length), which must lie inside.
    IoBuffers slice(uint64_t offset, uint64_t length) const;
    void fillZero() const;
    // Copies bytes() bytes from or to contiguous memory.
    void copyFrom(const uint8_t* bytes) const;
    void copyTo(uint8_t* bytes) const;

private:
    std::vector<iovec> m_parts;
    uint64_t m_bytes = 0;
};

// Bytes for transfers of the engine's own; the first kind uninitialised.
using OwnedBytes = std::unique_ptr<uint8_t[]>;
inline OwnedBytes allocateBytes(size_t bytes) {
    return OwnedBytes(new uint8_t[bytes]);
}
inline OwnedBytes allocateZeroes(size_t bytes) {
    return std::make_unique<uint8_t[]>(bytes);
}

} // namespace vivarium
