#include "vmm/devices/display/vga_palette.h"

#include "vmm/devices/display/vbe_dispi.h"
#include "vmm/devices/display/vga_bits.h"

namespace vivarium {

PackedColors packedColors(const VgaState& state) {
    PackedColors colors{};
    bool eightBits = state.dispi.enable & VbeDispi::kEightBitDac;
    auto widen = [eightBits](uint8_t value) -> uint32_t {
        // 63 of 63 is 255 of 255, so the top bits repeat at the bottom.
        return eightBits ? value : (value & 0x3Fu) << 2 | (value & 0x3Fu) >> 4;
    };
    for (size_t i = 0; i < colors.size(); ++i) {
        const uint8_t* entry = &state.palette[(i & state.pixelMask) * 3];
        colors[i] = widen(entry[0]) << 16 | widen(entry[1]) << 8 | widen(entry[2]);
    }
    return colors;
}

AttributeColors attributeColors(const VgaState& state, const PackedColors& packed) {
    AttributeColors colors{};
    unsigned planeEnable = state.attribute[0x12] & 0x0F;
    unsigned colorSelect = state.attribute[0x14];
    for (unsigned i = 0; i < colors.size(); ++i) {
        // FreeVGA, attribute mode control bit 7 and color select: bits 6-7 always come from color
        // select, bits 4-5 only on demand.
        unsigned index = state.attribute[i & planeEnable] & 0x3F;
        if (state.attribute[0x10] & vga::kPaletteFromColorSelect)
            index = (index & 0x0F) | (colorSelect & 0x03) << 4;
        index |= (colorSelect & 0x0C) << 4;
        colors[i] = packed[index];
    }
    return colors;
}

} // namespace vivarium
