#pragma once

#include <cstdint>

namespace vivarium {

// Part of a picture in pixels; empty when width or height is 0.
struct Rect {
    uint32_t x = 0, y = 0, width = 0, height = 0;
    bool empty() const { return width == 0 || height == 0; }
    bool operator==(const Rect&) const = default;
    Rect united(const Rect& other) const; // smallest rectangle around both
};

// The picture that a guest shows: `height` lines of `strideBytes`, the first at `offsetBytes` of a
// sealed memfd that viewers map read-only. Pixels are 32-bit little-endian 0x??RRGGBB (Qt's
// Format_RGB32); the top byte is undefined. `generation` grows with every change of geometry or fd.
struct ScanoutInfo {
    uint32_t width = 0;       // 1..kMaxScanoutWidth
    uint32_t height = 0;      // 1..kMaxScanoutHeight
    uint32_t strideBytes = 0; // >= width * 4, a multiple of 4
    uint64_t offsetBytes = 0; // a multiple of 4
    uint64_t memoryBytes = 0; // size of the memfd; the picture fits in it
    uint64_t generation = 0;
    bool operator==(const ScanoutInfo&) const = default;
};

constexpr uint32_t kMaxScanoutWidth = 8192;
constexpr uint32_t kMaxScanoutHeight = 8192;

// True when every bound that ScanoutInfo states holds; a viewer checks before it maps.
bool scanoutIsValid(const ScanoutInfo& info);

} // namespace vivarium
