#include "vmm/devices/display/vga_picture.h"

#include "vmm/base/log.h"
#include "vmm/devices/display/vga_bits.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

// What an adapter without a mode shows: the size of the standard text mode, black.
constexpr uint32_t kFirstWidth = 720, kFirstHeight = 400;
constexpr uint64_t kVgaBytes = 256 * 1024;
// 16 frames of 70 a second (IBM VGA: characters blink at 1/32 of the frame rate). The cursor blinks
// with them, half as fast as the hardware's: each change is a message to every viewer.
constexpr uint64_t kBlinkNs = 16'000'000'000 / 70;

} // namespace

VgaPicture::Shown VgaPicture::wanted() const {
    Shown next;
    bool vbe = VbeDispi::enabled(m_state);
    bool on = (m_state.attributeIndex & vga::kPaletteSource) &&
              !(m_state.sequencer[1] & vga::kScreenOff) &&
              (vbe || (m_state.crtc[0x17] & vga::kSyncEnable));
    next.kind = Kind::Blank;
    if (!on)
        return next;
    if (vbe) {
        auto mode = vbeMode(m_state, m_memory.sizeBytes());
        if (!mode)
            return next;
        next.mode = *mode;
        if (mode->bitsPerPixel == 32 && m_state.byteOrder == PixelByteOrder::LittleEndian) {
            next.kind = Kind::VideoMemory;
            return next;
        }
        next.order = m_state.byteOrder;
        next.kind = Kind::Linear;
        if (mode->bitsPerPixel == 4) {
            next.kind = Kind::Graphics;
            next.geometry = planarVbeGeometry(*mode, m_memory.groupMask());
        }
        if (mode->bitsPerPixel <= 8)
            next.packed = packedColors(m_state);
        if (mode->bitsPerPixel == 4)
            next.colors = attributeColors(m_state, next.packed);
        return next;
    }
    next.geometry = vgaGeometry(m_state);
    next.kind = next.geometry.kind == VgaGeometry::Kind::Text ? Kind::Text : Kind::Graphics;
    next.packed = packedColors(m_state);
    next.colors = attributeColors(m_state, next.packed);
    if (next.geometry.kind != VgaGeometry::Kind::Packed256)
        next.packed = {}; // unused: a change of it alone is no change
    return next;
}

bool VgaPicture::refresh() {
    bool drawing = m_memory.anyDirty();
    Shown next = wanted();
    switch (next.kind) {
    case Kind::Nothing:
    case Kind::Blank:
        showBlank();
        break;
    case Kind::Text:
        drawText(next);
        break;
    case Kind::Graphics:
        drawGraphics(next);
        break;
    case Kind::Linear:
        drawLinear(next);
        break;
    case Kind::VideoMemory:
        showVideoMemory(next);
        break;
    }
    m_memory.clearDirty();
    return drawing;
}

void VgaPicture::announce(const Scanout& scanout) {
    ScanoutInfo info = scanout.info;
    info.generation = m_announced.generation;
    if (m_announced.width != 0 && info == m_announced && m_display.scanout().fd == scanout.fd)
        return;
    Scanout next = scanout;
    next.info.generation = ++m_generation;
    m_announced = next.info;
    m_display.setScanout(next);
}

// Makes the buffer the scanout, black where its size changes. False when the host lacks memory: the
// old picture stays.
bool VgaPicture::useBuffer(uint32_t width, uint32_t height) {
    if (m_buffer.width() != width || m_buffer.height() != height) {
        auto resized = m_buffer.resize(width, height);
        if (!resized) {
            logError("vga", "no memory for the picture: " + resized.error().detail);
            return false;
        }
        m_text.invalidate();
        m_announced = {}; // the memory may be another one in the same place
    }
    announce(m_buffer.scanout(m_generation));
    return true;
}

void VgaPicture::showBlank() {
    if (m_shown.kind == Kind::Blank)
        return;
    uint32_t width = m_announced.width != 0 ? m_announced.width : kFirstWidth;
    uint32_t height = m_announced.width != 0 ? m_announced.height : kFirstHeight;
    if (!useBuffer(width, height))
        return;
    m_buffer.fillBlack();
    m_text.invalidate();
    m_shown = {};
    m_shown.kind = Kind::Blank;
    m_display.addDamage({0, 0, width, height});
}

void VgaPicture::showVideoMemory(const Shown& next) {
    const VbeMode& mode = next.mode;
    bool changed = !(next == m_shown);
    Scanout scanout;
    scanout.info = {mode.width,       mode.height,          mode.strideBytes,
                    mode.offsetBytes, m_memory.sizeBytes(), m_generation};
    scanout.fd = m_memory.fd();
    scanout.pixels = m_memory.data() + mode.offsetBytes;
    announce(scanout);
    m_shown = next;
    if (changed) {
        m_display.addDamage({0, 0, mode.width, mode.height});
        return;
    }
    VideoMemory::Range visible = visibleRange();
    for (const auto& range : m_memory.dirtyRanges(visible.offset, visible.length)) {
        uint64_t start = range.offset - mode.offsetBytes;
        uint64_t last = start + range.length - 1;
        auto firstLine = static_cast<uint32_t>(start / mode.strideBytes);
        auto lastLine = static_cast<uint32_t>(last / mode.strideBytes);
        if (firstLine != lastLine) {
            m_display.addDamage({0, firstLine, mode.width, lastLine - firstLine + 1});
            continue;
        }
        auto left = static_cast<uint32_t>(start % mode.strideBytes / 4);
        auto right = static_cast<uint32_t>(last % mode.strideBytes / 4);
        m_display.addDamage({left, firstLine, right - left + 1, 1});
    }
}

void VgaPicture::drawText(const Shown& next) {
    if (!useBuffer(next.geometry.width, next.geometry.height))
        return;
    if (m_shown.kind != Kind::Text || m_window.takeFontWritten())
        m_text.invalidate();
    uint64_t phase = m_clock.nowNs() / kBlinkNs;
    auto outcome = m_text.draw(next.geometry, textStyle(m_state, next.colors), textCursor(m_state),
                               phase % 2 == 0 ? VgaTextRenderer::BlinkPhase::Shown
                                              : VgaTextRenderer::BlinkPhase::Hidden,
                               m_memory, m_buffer);
    for (const Rect& rect : outcome.damage)
        m_display.addDamage(rect);
    if (outcome.blinks)
        m_display.refreshAt((phase + 1) * kBlinkNs);
    m_shown = next;
}

void VgaPicture::drawGraphics(const Shown& next) {
    if (!useBuffer(next.geometry.width, next.geometry.height))
        return;
    bool all = !(next == m_shown);
    if (!all && !m_memory.anyDirty())
        return;
    for (uint32_t y = 0; y < next.geometry.height; ++y)
        if (all || lineIsDirty(next.geometry, y, m_memory))
            m_display.addDamage(m_buffer.storeLine(
                y, m_graphics.renderLine(next.geometry, y, next.colors, next.packed, m_memory)));
    m_shown = next;
}

void VgaPicture::drawLinear(const Shown& next) {
    const VbeMode& mode = next.mode;
    if (!useBuffer(mode.width, mode.height))
        return;
    bool all = !(next == m_shown);
    if (!all && !m_memory.anyDirty())
        return;
    uint64_t lineBytes = uint64_t{mode.width} * ((mode.bitsPerPixel + 7) / 8);
    for (uint32_t y = 0; y < mode.height; ++y)
        if (all || m_memory.isDirty(mode.offsetBytes + uint64_t{y} * mode.strideBytes, lineBytes))
            m_display.addDamage(m_buffer.storeLine(
                y, m_linear.renderLine(mode, next.order, y, next.packed, m_memory)));
    m_shown = next;
}

VideoMemory::Range VgaPicture::visibleRange() const {
    if (!VbeDispi::enabled(m_state))
        return {0, kVgaBytes};
    auto mode = vbeMode(m_state, m_memory.sizeBytes());
    if (!mode)
        return {0, 0};
    uint64_t length = uint64_t{mode->strideBytes} * mode->height;
    return {mode->offsetBytes, std::min(length, m_memory.sizeBytes() - mode->offsetBytes)};
}

std::optional<TextScreen> VgaPicture::textScreen() const {
    if (VbeDispi::enabled(m_state) || (m_state.graphics[6] & vga::kGraphicsMode))
        return std::nullopt;
    // Before the firmware sets a mode the registers say one column of one line.
    if (!(m_state.crtc[0x17] & vga::kSyncEnable))
        return TextScreen{};
    return readTextScreen(vgaGeometry(m_state), textCursor(m_state), m_memory);
}

} // namespace vivarium
