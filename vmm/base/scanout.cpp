#include "vmm/base/scanout.h"

#include "vmm/base/bytes.h"

#include <algorithm>

namespace vivarium {

Rect Rect::united(const Rect& other) const {
    if (empty())
        return other;
    if (other.empty())
        return *this;
    uint32_t left = std::min(x, other.x);
    uint32_t top = std::min(y, other.y);
    uint32_t right = std::max(x + width, other.x + other.width);
    uint32_t bottom = std::max(y + height, other.y + other.height);
    return {left, top, right - left, bottom - top};
}

bool scanoutIsValid(const ScanoutInfo& info) {
    if (info.width == 0 || info.width > kMaxScanoutWidth || info.height == 0 ||
        info.height > kMaxScanoutHeight || info.strideBytes % 4 != 0 || info.offsetBytes % 4 != 0 ||
        info.strideBytes / 4 < info.width)
        return false;
    uint64_t pictureBytes = uint64_t{info.strideBytes} * (info.height - 1) + uint64_t{info.width} * 4;
    return rangeFits(info.offsetBytes, pictureBytes, info.memoryBytes);
}

} // namespace vivarium
