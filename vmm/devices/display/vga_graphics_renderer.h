#pragma once

#include "vmm/devices/display/vbe_dispi.h"
#include "vmm/devices/display/vga_geometry.h"
#include "vmm/devices/display/vga_palette.h"
#include "vmm/devices/display/video_memory.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// Turns lines of VGA graphics modes (planar, CGA, 256 colours) into pixels.
class VgaGraphicsRenderer {
public:
    // The `geometry.width` pixels of line `y`; valid until the next call.
    const uint32_t* renderLine(const VgaGeometry& geometry, uint32_t y,
                               const AttributeColors& colors, const PackedColors& packed,
                               const VideoMemory& memory);

private:
    std::vector<uint32_t> m_dots;
};

// Whether video memory that line `y` shows is dirty.
bool lineIsDirty(const VgaGeometry& geometry, uint32_t y, const VideoMemory& memory);

// Turns lines of linear VBE modes into pixels.
class LinearRenderer {
public:
    // The `mode.width` pixels of line `y` < mode.height; not for 4 bits a pixel. Valid until the
    // next call.
    const uint32_t* renderLine(const VbeMode& mode, PixelByteOrder order, uint32_t y,
                               const PackedColors& packed, const VideoMemory& memory);

private:
    std::vector<uint32_t> m_pixels;
};

} // namespace vivarium
