#pragma once

#include "vmm/devices/display/vbe_dispi.h"
#include "vmm/devices/display/vga_state.h"

#include <cstdint>

namespace vivarium {

// How the CRTC and its companions scan video memory, taken from the registers. All sizes are
// bounded by the registers' widths; every group index that groupIndex() returns is within
// `groupMask`.
struct VgaGeometry {
    enum class Kind : uint8_t {
        Text,
        Planar,      // four planes, 16 colours
        Interleaved, // CGA: two bits a pixel
        Packed256,   // a byte a pixel, two dots wide
    };
    Kind kind = Kind::Text;
    uint32_t columns = 0;       // character clocks on a line, 1..512
    uint32_t dotsPerColumn = 8; // 8, or 9 in text
    uint32_t dotRepeat = 1;     // 2 at half the dot clock
    uint32_t height = 0;        // scan lines, 1..2048 (4096 in VBE modes)
    uint32_t width = 0;         // pixels of a line, at most columns * dotsPerColumn * dotRepeat
    uint32_t lineShift = 0;     // 1: every line twice
    uint32_t rowLines = 1;      // scan lines a row, 1..32
    uint32_t splitLine = 0;     // first line of the lower screen, which starts at address 0
    uint32_t start = 0;         // address of the first row
    uint32_t rowAddresses = 0;  // from one row to the next
    uint32_t firstRowLine = 0;  // preset row scan
    uint32_t pan = 0;           // dots to shift left
    bool panLower = true;       // whether the lower screen pans too
    enum class Addressing : uint8_t { Byte, Word, Dword, Group } addressing = Addressing::Byte;
    bool wordWrapAt64K = false; // which address bit comes in at the bottom in word mode
    bool line0To13 = false;     // row line bit 0 replaces address bit 13 (CGA banks)
    bool line1To14 = false;
    uint32_t groupMask = 0xFFFF;

    bool operator==(const VgaGeometry&) const = default;

    // What one scan line shows.
    struct Line {
        uint32_t address; // of its first column
        uint32_t rowLine; // 0..rowLines-1
        uint32_t pan;
    };
    Line line(uint32_t y) const;
    // The group of plane bytes at an address.
    uint32_t groupIndex(uint32_t address, uint32_t rowLine) const;
};

VgaGeometry vgaGeometry(const VgaState& state);
// A 4-bit VBE mode as the CRTC would scan it.
VgaGeometry planarVbeGeometry(const VbeMode& mode, uint32_t groupMask);

} // namespace vivarium
