#include "vmm/devices/display/vga_geometry.h"

#include "vmm/devices/display/vga_bits.h"

#include <algorithm>

namespace vivarium {

namespace {

// A vertical value of ten bits: register `low`, its bits 8 and 9 in the overflow register 7 (or 9).
uint32_t verticalValue(uint8_t low, bool bit8, bool bit9) {
    return low | (bit8 ? 0x100u : 0) | (bit9 ? 0x200u : 0);
}

VgaGeometry::Kind kindOf(const VgaState& state) {
    if (!(state.graphics[6] & vga::kGraphicsMode))
        return VgaGeometry::Kind::Text;
    if (state.graphics[5] & vga::kShift256)
        return VgaGeometry::Kind::Packed256;
    if (state.graphics[5] & vga::kShiftInterleaved)
        return VgaGeometry::Kind::Interleaved;
    return VgaGeometry::Kind::Planar;
}

VgaGeometry::Addressing addressingOf(const VgaState& state) {
    // Chain-4 memory is packed (vga_memory.h): consecutive addresses are consecutive groups.
    if (state.sequencer[4] & vga::kChain4)
        return VgaGeometry::Addressing::Group;
    if (state.crtc[0x14] & vga::kDwordMode)
        return VgaGeometry::Addressing::Dword;
    return state.crtc[0x17] & vga::kByteMode ? VgaGeometry::Addressing::Byte
                                             : VgaGeometry::Addressing::Word;
}

} // namespace

VgaGeometry vgaGeometry(const VgaState& state) {
    const auto& crtc = state.crtc;
    VgaGeometry g;
    g.kind = kindOf(state);
    g.addressing = addressingOf(state);
    g.columns = crtc[0x01] + 1u;
    bool nineDots = g.kind == VgaGeometry::Kind::Text && !(state.sequencer[1] & vga::kEightDots);
    g.dotsPerColumn = nineDots ? 9 : 8;
    g.dotRepeat = state.sequencer[1] & vga::kHalfDotClock ? 2 : 1;
    g.width = g.columns * g.dotsPerColumn * g.dotRepeat;

    g.height = verticalValue(crtc[0x12], crtc[7] & 0x02, crtc[7] & 0x40) + 1;
    uint32_t compare = verticalValue(crtc[0x18], crtc[7] & 0x10, crtc[9] & 0x40);
    g.splitLine = compare + 1;
    if (crtc[0x17] & vga::kDoubleLines) { // the vertical counter runs at half speed
        g.height *= 2;
        g.splitLine *= 2;
    }
    // Comparing never happens below the last line: one value for all of those.
    g.splitLine = std::min(g.splitLine, g.height);
    g.lineShift = crtc[9] & vga::kDoubleScan ? 1 : 0;
    g.rowLines = (crtc[9] & 0x1F) + 1u;
    g.firstRowLine = std::min<uint32_t>(crtc[8] & 0x1F, g.rowLines - 1);

    g.start = (uint32_t{crtc[0x0C]} << 8 | crtc[0x0D]) + (crtc[8] >> 5 & 3);
    g.rowAddresses = crtc[0x13] * 2u;
    g.wordWrapAt64K = crtc[0x17] & vga::kWordWrapAt64K;
    g.line0To13 = !(crtc[0x17] & 0x01);
    g.line1To14 = !(crtc[0x17] & 0x02);

    // FreeVGA, horizontal pixel panning: 9-dot text counts from 8, and 256-colour pixels are two
    // dots wide.
    uint32_t pan = state.attribute[0x13] & 0x0F;
    if (nineDots)
        g.pan = pan >= 8 ? 0 : pan + 1;
    else
        g.pan = pan & 7;
    if (g.kind == VgaGeometry::Kind::Packed256)
        g.pan &= ~1u;
    g.panLower = !(state.attribute[0x10] & vga::kPanUpperOnly);
    return g;
}

VgaGeometry planarVbeGeometry(const VbeMode& mode, uint32_t groupMask) {
    VgaGeometry g;
    g.kind = VgaGeometry::Kind::Planar;
    g.addressing = VgaGeometry::Addressing::Group;
    g.columns = (mode.width + 7) / 8;
    g.width = mode.width;
    g.height = mode.height;
    g.splitLine = mode.height;
    g.start = static_cast<uint32_t>(mode.offsetBytes / 4);
    g.rowAddresses = mode.strideBytes / 4;
    g.pan = mode.pixelShift;
    g.groupMask = groupMask;
    return g;
}

VgaGeometry::Line VgaGeometry::line(uint32_t y) const {
    bool lower = y >= splitLine;
    uint32_t scan = lower ? (y - splitLine) >> lineShift : (y >> lineShift) + firstRowLine;
    uint32_t address = (lower ? 0 : start) + scan / rowLines * rowAddresses;
    return {address, scan % rowLines, lower && !panLower ? 0 : pan};
}

uint32_t VgaGeometry::groupIndex(uint32_t address, uint32_t rowLine) const {
    uint32_t index = address;
    switch (addressing) {
    case Addressing::Group:
        return address & groupMask;
    case Addressing::Byte:
        break;
    case Addressing::Word:
        index = address << 1 | (address >> (wordWrapAt64K ? 15 : 13) & 1);
        break;
    case Addressing::Dword:
        index = address << 2 | (address >> 12 & 3);
        break;
    }
    if (line0To13)
        index = (index & ~0x2000u) | (rowLine & 1) << 13;
    if (line1To14)
        index = (index & ~0x4000u) | (rowLine >> 1 & 1) << 14;
    return index & groupMask;
}

} // namespace vivarium
