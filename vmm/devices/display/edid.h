#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vivarium {

constexpr size_t kEdidBytes = 128;

// What the monitor says of itself: an EDID 1.4 base block with `width` x `height` at 60 Hz as its
// preferred mode. Both are brought into 640..4088 (a multiple of 8) and 480..4095, which the
// detailed timing can hold.
std::array<uint8_t, kEdidBytes> makeEdid(uint32_t width, uint32_t height);

} // namespace vivarium
