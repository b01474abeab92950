#include "vmm/backends/vnc/vnc_frame.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/mman.h>

namespace vivarium {

Result<std::unique_ptr<MappedScanout>> MappedScanout::create(const Scanout& scanout) {
    const ScanoutInfo& info = scanout.info;
    if (!scanoutIsValid(info))
        return fail(ErrorCode::InvalidArgument, "the picture does not fit in its memory");
    constexpr uint64_t kPageBytes = 4096;
    uint64_t first = alignDown(info.offsetBytes, kPageBytes);
    uint64_t end = info.offsetBytes + uint64_t{info.strideBytes} * (info.height - 1) +
                   uint64_t{info.width} * 4;
    // The memory is sealed against shrinking, so looking at it cannot fault.
    void* mapping =
        ::mmap(nullptr, end - first, PROT_READ, MAP_SHARED, scanout.fd, static_cast<off_t>(first));
    if (mapping == MAP_FAILED)
        return systemError(errno, "map the picture");
    return std::unique_ptr<MappedScanout>(
        new MappedScanout(info, mapping, end - first,
                          static_cast<const uint8_t*>(mapping) + (info.offsetBytes - first)));
}

MappedScanout::~MappedScanout() {
    ::munmap(m_mapping, m_mappedBytes);
}

void VncFrame::resize(uint32_t width, uint32_t height) {
    m_pixels.assign(size_t{width} * height, 0);
    m_width = width;
    m_height = height;
}

Rect VncFrame::copy(const MappedScanout& scanout, const Rect& rect) {
    uint32_t width = std::min(m_width, scanout.width());
    uint32_t height = std::min(m_height, scanout.height());
    if (rect.x >= width || rect.y >= height)
        return {};
    Rect part{rect.x, rect.y, std::min(rect.width, width - rect.x),
              std::min(rect.height, height - rect.y)};
    for (uint32_t y = part.y; y < part.y + part.height; ++y)
        std::memcpy(m_pixels.data() + size_t{y} * m_width + part.x,
                    scanout.line(y) + size_t{part.x} * 4, size_t{part.width} * 4);
    return part;
}

void VncFrame::fillBlack() {
    std::fill(m_pixels.begin(), m_pixels.end(), 0);
}

} // namespace vivarium
