#pragma once

#include "vmm/devices/display/vga_state.h"

#include <array>
#include <cstdint>

namespace vivarium {

// 0x00RRGGBB of every palette index: what a byte of a 256-colour mode shows.
using PackedColors = std::array<uint32_t, 256>;
// 0x00RRGGBB of every value of four planes: what a 16-colour pixel or a text attribute shows.
using AttributeColors = std::array<uint32_t, 16>;

PackedColors packedColors(const VgaState& state);
AttributeColors attributeColors(const VgaState& state, const PackedColors& packed);

} // namespace vivarium
