#pragma once

#include "vmm/base/clock.h"
#include "vmm/devices/display/scanout_buffer.h"
#include "vmm/devices/display/vga_geometry.h"
#include "vmm/devices/display/vga_graphics_renderer.h"
#include "vmm/devices/display/vga_memory.h"
#include "vmm/devices/display/vga_palette.h"
#include "vmm/devices/display/vga_text_renderer.h"

#include <cstdint>
#include <optional>

namespace vivarium {

// Keeps the adapter's scanout equal to what its registers and video memory say, and tells Display.
// In 32-bit linear modes the scanout is video memory itself. Borrows everything; device lock.
class VgaPicture {
public:
    VgaPicture(const VgaState& state, VideoMemory& memory, VgaMemory& window, Display& display,
               const Clock& clock)
        : m_state(state), m_memory(memory), m_window(window), m_display(display), m_clock(clock) {}

    // Draws what changed since the last call: what the memory's dirty pages hold, everything where
    // the mode is another one. Returns whether anything was dirty.
    bool refresh();
    // The next refresh draws everything.
    void invalidate() { m_shown = {}; }
    std::optional<TextScreen> textScreen() const;
    // The part of video memory that the present mode shows.
    VideoMemory::Range visibleRange() const;

private:
    enum class Kind { Nothing, Blank, Text, Graphics, Linear, VideoMemory };
    // What the picture depends on besides memory. Another value: everything is drawn again.
    struct Shown {
        Kind kind = Kind::Nothing;
        VbeMode mode;
        VgaGeometry geometry;
        PackedColors packed{};
        AttributeColors colors{};
        PixelByteOrder order = PixelByteOrder::LittleEndian;
        bool operator==(const Shown&) const = default;
    };

    Shown wanted() const;
    bool useBuffer(uint32_t width, uint32_t height);
    void announce(const Scanout& scanout);
    void showBlank();
    void showVideoMemory(const Shown& next);
    void drawText(const Shown& next);
    void drawGraphics(const Shown& next);
    void drawLinear(const Shown& next);

    const VgaState& m_state;
    VideoMemory& m_memory;
    VgaMemory& m_window;
    Display& m_display;
    const Clock& m_clock;
    Shown m_shown;
    ScanoutBuffer m_buffer;
    ScanoutInfo m_announced; // width 0: nothing yet
    VgaTextRenderer m_text;
    VgaGraphicsRenderer m_graphics;
    LinearRenderer m_linear;
    uint64_t m_generation = 0;
};

} // namespace vivarium
