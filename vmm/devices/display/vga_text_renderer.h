#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/devices/display/scanout_buffer.h"
#include "vmm/devices/display/vga_geometry.h"
#include "vmm/devices/display/vga_palette.h"
#include "vmm/devices/display/video_memory.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace vivarium {

// How characters look, besides where they are.
struct TextStyle {
    std::array<uint32_t, 2> fontOffsets{}; // in plane 2, by bit 3 of the attribute
    bool blink = false;        // attribute bit 7 blinks; else it is background intensity
    bool lineGraphics = false; // the ninth dot of 0xC0-0xDF repeats the eighth
    uint8_t underlineLine = 0;
    AttributeColors colors{};
    bool operator==(const TextStyle&) const = default;
};

// The cursor, by registers; shown where `address` is on the screen.
struct TextCursor {
    uint32_t address = 0;
    uint8_t firstLine = 0, lastLine = 0; // scan lines of its row; first above last: none
    bool enabled = false;
};

TextStyle textStyle(const VgaState& state, const AttributeColors& colors);
TextCursor textCursor(const VgaState& state);

// Draws text screens, only the cells that look different from the last time.
class VgaTextRenderer {
public:
    // Everything is drawn the next time (fonts or the target changed).
    void invalidate() { m_shown.clear(); }

    enum class BlinkPhase { Shown, Hidden };
    struct Outcome {
        std::vector<Rect> damage;
        bool blinks = false; // the other phase looks different
    };
    // `target` has the geometry's size.
    Outcome draw(const VgaGeometry& geometry, const TextStyle& style, const TextCursor& cursor,
                 BlinkPhase phase, const VideoMemory& memory, ScanoutBuffer& target);

private:
    struct Band { // scan lines of one row of characters
        uint32_t y, height;
        uint32_t address;
        uint32_t pan;
    };
    struct Cell { // all that a cell's looks depend on, besides style and band
        uint8_t character, attribute;
        bool hidden;
        bool cursor;
        uint8_t cursorFirst, cursorLast;
        uint8_t valid; // 0: never drawn
        bool operator==(const Cell&) const = default;
    };
    void layOut(const VgaGeometry& geometry);
    void drawCell(const Cell& cell, const Band& band, uint32_t column, const VideoMemory& memory,
                  ScanoutBuffer& target) const;

    VgaGeometry m_geometry;
    TextStyle m_style;
    std::vector<Band> m_bands;
    std::vector<Cell> m_shown; // by band, then column; one column more than visible for panning
};

// The characters on the screen, code page 437 turned into Unicode; the upper screen only.
TextScreen readTextScreen(const VgaGeometry& geometry, const TextCursor& cursor,
                          const VideoMemory& memory);

} // namespace vivarium
