#pragma once

#include "vmm/base/bytes.h"
#include "vmm/devices/display/vga_state.h"
#include "vmm/devices/display/video_memory.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// Glyphs of the 8x16 text font (256 of 16 lines) that a VGA BIOS image carries; empty when there is
// none.
std::vector<uint8_t> findTextFont(ConstByteSpan optionRom);

// Sets what a VGA BIOS leaves behind after INT 10h mode 3: 80x25 colour text in 720x400, cleared,
// with `font` (from findTextFont) loaded.
void enterTextMode(VgaState& state, VideoMemory& memory, ConstByteSpan font);

} // namespace vivarium
