#include "vmm/devices/display/vga_text_renderer.h"

#include "vmm/devices/display/code_page_437.h"
#include "vmm/devices/display/vga_bits.h"

#include <algorithm>

namespace vivarium {

namespace {

constexpr uint32_t kGlyphBytes = 32;

// FreeVGA, character map select: maps 0-3 are 16 KiB apart, maps 4-7 lie 8 KiB behind them.
uint32_t fontOffset(unsigned map) {
    return (map & 3) * 0x4000 + (map & 4) * 0x800;
}

struct CharacterCell {
    uint8_t character, attribute;
};

CharacterCell readCell(const VgaGeometry& geometry, uint32_t address, const VideoMemory& memory) {
    // Characters come without row-line substitution: a row of text is fetched once.
    uint32_t group = memory.group(geometry.groupIndex(address, 0));
    return {static_cast<uint8_t>(group), static_cast<uint8_t>(group >> 8)};
}

} // namespace

TextStyle textStyle(const VgaState& state, const AttributeColors& colors) {
    TextStyle style;
    uint8_t select = state.sequencer[3];
    style.fontOffsets[0] = fontOffset((select & 3u) | (select >> 2 & 4u));
    style.fontOffsets[1] = fontOffset((select >> 2 & 3u) | (select >> 3 & 4u));
    style.blink = state.attribute[0x10] & vga::kBlink;
    style.lineGraphics = state.attribute[0x10] & vga::kLineGraphics;
    style.underlineLine = state.crtc[0x14] & 0x1F;
    style.colors = colors;
    return style;
}

TextCursor textCursor(const VgaState& state) {
    TextCursor cursor;
    uint32_t skew = state.crtc[0x0B] >> 5 & 3; // characters to the right
    cursor.address = ((uint32_t{state.crtc[0x0E]} << 8 | state.crtc[0x0F]) + skew) & 0xFFFF;
    cursor.firstLine = state.crtc[0x0A] & 0x1F;
    cursor.lastLine = state.crtc[0x0B] & 0x1F;
    cursor.enabled = !(state.crtc[0x0A] & vga::kCursorOff) && cursor.firstLine <= cursor.lastLine;
    return cursor;
}

// Splits the screen into rows of characters: where the address or the screen's half changes, or the
// line within the row starts over.
void VgaTextRenderer::layOut(const VgaGeometry& geometry) {
    m_bands.clear();
    VgaGeometry::Line previous{};
    for (uint32_t y = 0; y < geometry.height; ++y) {
        VgaGeometry::Line line = geometry.line(y);
        if (y == 0 || y == geometry.splitLine || line.address != previous.address ||
            line.rowLine < previous.rowLine)
            m_bands.push_back({y, 0, line.address, line.pan});
        ++m_bands.back().height;
        previous = line;
    }
}

VgaTextRenderer::Outcome VgaTextRenderer::draw(const VgaGeometry& geometry, const TextStyle& style,
                                               const TextCursor& cursor, BlinkPhase phase,
                                               const VideoMemory& memory, ScanoutBuffer& target) {
    Outcome outcome;
    // A moved start address alone changes no cell's looks: scrolled text is compared, not redrawn.
    VgaGeometry sameStart = geometry;
    sameStart.start = m_geometry.start;
    if (!(sameStart == m_geometry) || !(style == m_style))
        invalidate();
    m_geometry = geometry;
    m_style = style;
    layOut(geometry);
    uint32_t columns = geometry.columns + 1;
    m_shown.resize(m_bands.size() * columns);

    uint32_t cellWidth = geometry.dotsPerColumn * geometry.dotRepeat;
    for (size_t b = 0; b < m_bands.size(); ++b) {
        const Band& band = m_bands[b];
        uint32_t firstChanged = columns, endChanged = 0;
        uint32_t visible = geometry.columns + (band.pan > 0 ? 1 : 0);
        for (uint32_t column = 0; column < visible; ++column) {
            uint32_t address = band.address + column;
            auto [character, attribute] = readCell(geometry, address, memory);
            bool blinking = style.blink && (attribute & 0x80);
            bool atCursor = cursor.enabled && (address & 0xFFFF) == cursor.address;
            outcome.blinks |= blinking || atCursor;
            Cell cell{};
            cell.character = character;
            cell.attribute = attribute;
            cell.valid = 1;
            cell.hidden = blinking && phase == BlinkPhase::Hidden;
            cell.cursor = atCursor && phase == BlinkPhase::Shown;
            if (cell.cursor) {
                cell.cursorFirst = cursor.firstLine;
                cell.cursorLast = cursor.lastLine;
            }
            Cell& shown = m_shown[b * columns + column];
            if (shown == cell)
                continue;
            shown = cell;
            drawCell(cell, band, column, memory, target);
            firstChanged = std::min(firstChanged, column);
            endChanged = column + 1;
        }
        if (firstChanged >= endChanged)
            continue;
        uint32_t shift = band.pan * geometry.dotRepeat;
        uint32_t left = std::max(firstChanged * cellWidth, shift) - shift;
        uint32_t right = std::min(endChanged * cellWidth - shift, geometry.width);
        outcome.damage.push_back({left, band.y, right - left, band.height});
    }
    return outcome;
}

void VgaTextRenderer::drawCell(const Cell& cell, const Band& band, uint32_t column,
                               const VideoMemory& memory, ScanoutBuffer& target) const {
    uint32_t foreground = m_style.colors[cell.attribute & 0x0F];
    uint32_t background = m_style.colors[cell.attribute >> 4 & (m_style.blink ? 0x07 : 0x0F)];
    uint32_t ink = cell.hidden ? background : foreground;
    uint32_t font = m_style.fontOffsets[cell.attribute >> 3 & 1] + cell.character * kGlyphBytes;
    // FreeVGA, attribute mode control bit 2: only the line-drawing characters reach the ninth dot.
    bool wide = m_style.lineGraphics && cell.character >= 0xC0 && cell.character <= 0xDF;
    // IBM VGA: blue (or bright blue) on black is the monochrome adapter's underline.
    bool underlined = (cell.attribute & 0x77) == 0x01;

    const VgaGeometry& g = m_geometry;
    auto left = static_cast<int64_t>(column * g.dotsPerColumn * g.dotRepeat) -
                static_cast<int64_t>(band.pan * g.dotRepeat);
    for (uint32_t y = band.y; y < band.y + band.height; ++y) {
        uint32_t rowLine = g.line(y).rowLine;
        uint32_t dots = memory.data()[size_t{font + rowLine} * 4 + 2];
        dots = dots << 1 | (wide ? dots & 1 : 0); // nine dots, the leftmost in bit 8
        uint32_t color = ink;
        if (underlined && rowLine == m_style.underlineLine)
            dots = 0x1FF;
        if (cell.cursor && rowLine >= cell.cursorFirst && rowLine <= cell.cursorLast) {
            dots = 0x1FF;
            color = foreground;
        }
        uint32_t* line = target.line(y);
        int64_t x = left;
        for (uint32_t dot = 0; dot < g.dotsPerColumn; ++dot) {
            uint32_t pixel = dots >> (8 - dot) & 1 ? color : background;
            for (uint32_t i = 0; i < g.dotRepeat; ++i, ++x)
                if (x >= 0 && x < g.width)
                    line[x] = pixel;
        }
    }
}

TextScreen readTextScreen(const VgaGeometry& geometry, const TextCursor& cursor,
                          const VideoMemory& memory) {
    TextScreen screen;
    screen.columns = geometry.columns;
    screen.rows = std::max(1u, (geometry.height >> geometry.lineShift) / geometry.rowLines);
    for (uint32_t row = 0; row < screen.rows; ++row) {
        std::vector<uint8_t> characters;
        for (uint32_t column = 0; column < screen.columns; ++column) {
            uint32_t address = geometry.start + row * geometry.rowAddresses + column;
            characters.push_back(readCell(geometry, address, memory).character);
            if (cursor.enabled && !screen.cursor && (address & 0xFFFF) == cursor.address)
                screen.cursor = {column, row};
        }
        screen.lines.push_back(codePage437ToUtf8(characters));
    }
    return screen;
}

} // namespace vivarium
