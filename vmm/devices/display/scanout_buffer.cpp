#include "vmm/devices/display/scanout_buffer.h"

#include <algorithm>
#include <cstring>

namespace vivarium {

Result<void> ScanoutBuffer::resize(uint32_t width, uint32_t height) {
    if (width == 0 || width > kMaxScanoutWidth || height == 0 || height > kMaxScanoutHeight)
        return fail(ErrorCode::InvalidArgument, "picture size is out of range");
    uint64_t bytes = uint64_t{width} * height * 4;
    // A much larger old buffer is given back; a little too large one serves.
    if (bytes > m_mapping.sizeBytes() || bytes < m_mapping.sizeBytes() / 4)
        m_mapping = TRY(SharedMapping::create("scanout", bytes));
    m_width = width;
    m_height = height;
    fillBlack();
    return {};
}

uint32_t* ScanoutBuffer::line(uint32_t y) const {
    return reinterpret_cast<uint32_t*>(m_mapping.data()) + size_t{y} * m_width;
}

Rect ScanoutBuffer::storeLine(uint32_t y, const uint32_t* pixels) {
    uint32_t* target = line(y);
    uint32_t* end = target + m_width;
    uint32_t* first = std::mismatch(target, end, pixels).first;
    if (first == end)
        return {};
    auto x = static_cast<uint32_t>(first - target);
    uint32_t last = m_width - 1;
    while (target[last] == pixels[last])
        --last;
    std::copy(pixels + x, pixels + last + 1, first);
    return {x, y, last + 1 - x, 1};
}

void ScanoutBuffer::fillBlack() {
    if (m_width != 0)
        std::memset(m_mapping.data(), 0, size_t{m_width} * m_height * 4);
}

Scanout ScanoutBuffer::scanout(uint64_t generation) const {
    Scanout scanout;
    scanout.info = {m_width, m_height, m_width * 4, 0, m_mapping.sizeBytes(), generation};
    scanout.fd = m_mapping.fd();
    scanout.pixels = m_mapping.data();
    return scanout;
}

} // namespace vivarium
