#include "vmm/base/scanout.h"

#include "vmm/base/bytes.h"

#include <algorithm>

namespace vivarium {

Rect Rect::united(const Rect& other) const {
    if (empty())
        return other;
    if (other.empty())
        return *this;
    // Rectangles come from other processes too: sums are wide and the result is cut.
    auto span = [](uint32_t a, uint32_t aSize, uint32_t b, uint32_t bSize) {
        uint64_t end = std::max(uint64_t{a} + aSize, uint64_t{b} + bSize);
        return static_cast<uint32_t>(std::min<uint64_t>(end - std::min(a, b), UINT32_MAX));
    };
    return {std::min(x, other.x), std::min(y, other.y), span(x, width, other.x, other.width),
            span(y, height, other.y, other.height)};
}

bool scanoutIsValid(const ScanoutInfo& info) {
    if (info.width == 0 || info.width > kMaxScanoutWidth || info.height == 0 ||
        info.height > kMaxScanoutHeight || info.strideBytes % 4 != 0 || info.offsetBytes % 4 != 0 ||
        info.strideBytes / 4 < info.width)
        return false;
    uint64_t pictureBytes =
        uint64_t{info.strideBytes} * (info.height - 1) + uint64_t{info.width} * 4;
    return rangeFits(info.offsetBytes, pictureBytes, info.memoryBytes);
}

} // namespace vivarium
