#include "vmm/devices/display/vga_power_on.h"

#include <algorithm>
#include <array>

namespace vivarium {

namespace {

constexpr size_t kGlyphLines = 16, kGlyphStride = 32, kGlyphs = 256;

// Registers of mode 3 with 400 lines (IBM VGA technical reference, mode tables).
constexpr std::array<uint8_t, 5> kSequencer{0x03, 0x00, 0x03, 0x00, 0x02};
constexpr std::array<uint8_t, 9> kGraphics{0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0E, 0x0F, 0xFF};
constexpr std::array<uint8_t, 25> kCrtc{0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00,
                                        0x4F, 0x0D, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x9C, 0x8E,
                                        0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF};
constexpr std::array<uint8_t, 21> kAttribute{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14,
                                             0x07, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D,
                                             0x3E, 0x3F, 0x0C, 0x00, 0x0F, 0x08, 0x00};
constexpr uint8_t kMiscOutput = 0x67;

} // namespace

std::vector<uint8_t> findTextFont(ConstByteSpan optionRom) {
    // Characters 0 (blank) and 1 (a face): every PC font of this size begins so.
    constexpr std::array<uint8_t, 2 * kGlyphLines> kBeginning{
        0, 0, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0, 0, 0,
        0, 0, 0x7E, 0x81, 0xA5, 0x81, 0x81, 0xBD, 0x99, 0x81, 0x81, 0x7E, 0, 0, 0, 0};
    constexpr size_t kFontBytes = kGlyphs * kGlyphLines;
    auto found =
        std::search(optionRom.begin(), optionRom.end(), kBeginning.begin(), kBeginning.end());
    if (static_cast<size_t>(optionRom.end() - found) < kFontBytes)
        return {};
    return {found, found + kFontBytes};
}

void enterTextMode(VgaState& state, VideoMemory& memory, ConstByteSpan font) {
    state = {};
    state.miscOutput = kMiscOutput;
    std::copy(kSequencer.begin(), kSequencer.end(), state.sequencer.begin());
    std::copy(kGraphics.begin(), kGraphics.end(), state.graphics.begin());
    std::copy(kCrtc.begin(), kCrtc.end(), state.crtc.begin());
    std::copy(kAttribute.begin(), kAttribute.end(), state.attribute.begin());
    state.attributeIndex = 0x20; // the palette belongs to the display

    // The palette of the EGA: in each index, bits 0-2 are two thirds of blue, green and red, bits
    // 3-5 one third.
    for (unsigned index = 0; index < 64; ++index)
        for (unsigned component = 0; component < 3; ++component) {
            unsigned bit = 2 - component; // red is bit 2
            state.palette[index * 3 + component] =
                static_cast<uint8_t>((index >> bit & 1) * 42 + (index >> (bit + 3) & 1) * 21);
        }

    constexpr uint8_t kBlank = 0x20, kWhiteOnBlack = 0x07;
    for (uint32_t cell = 0; cell < 0x4000; ++cell) { // 32 KiB at 0xB8000, every other byte used
        uint8_t* planes = memory.data() + size_t{cell} * 2 * 4;
        planes[0] = kBlank;
        planes[1] = kWhiteOnBlack;
    }
    for (size_t i = 0; i < font.size() && i < kGlyphs * kGlyphLines; ++i) {
        size_t offset = i / kGlyphLines * kGlyphStride + i % kGlyphLines;
        memory.data()[offset * 4 + 2] = font[i];
    }
    memory.markAllDirty();
}

} // namespace vivarium
