#include "vmm/devices/display/vga_graphics_renderer.h"

#include <array>

namespace vivarium {

namespace {

// Each bit of a byte as a byte of its own, the leftmost pixel (bit 7) lowest.
constexpr std::array<uint64_t, 256> kSpread = [] {
    std::array<uint64_t, 256> table{};
    for (unsigned value = 0; value < 256; ++value)
        for (unsigned pixel = 0; pixel < 8; ++pixel)
            if (value >> (7 - pixel) & 1)
                table[value] |= uint64_t{1} << (8 * pixel);
    return table;
}();

// Eight dots of the four plane bytes in `group`.
void planarDots(uint32_t group, const AttributeColors& colors, uint32_t* dots) {
    uint64_t indices = kSpread[group & 0xFF] | kSpread[group >> 8 & 0xFF] << 1 |
                       kSpread[group >> 16 & 0xFF] << 2 | kSpread[group >> 24] << 3;
    for (unsigned i = 0; i < 8; ++i, indices >>= 8)
        dots[i] = colors[indices & 0x0F];
}

// FreeVGA, graphics mode register bit 5: planes 0 and 2 give the first four pixels, 1 and 3 the
// other four, two bits each.
void interleavedDots(uint32_t group, const AttributeColors& colors, uint32_t* dots) {
    for (unsigned i = 0; i < 8; ++i) {
        unsigned plane = i < 4 ? 0 : 8;
        unsigned shift = 6 - 2 * (i & 3);
        uint32_t low = group >> plane >> shift & 3;
        uint32_t high = group >> (plane + 16) >> shift & 3;
        dots[i] = colors[low | high << 2];
    }
}

void packedDots(uint32_t group, const PackedColors& packed, uint32_t* dots) {
    for (unsigned i = 0; i < 4; ++i, group >>= 8)
        dots[2 * i] = dots[2 * i + 1] = packed[group & 0xFF];
}

uint32_t widen(uint32_t value, unsigned bits) {
    return value << (8 - bits) | value >> (2 * bits - 8);
}

} // namespace

const uint32_t* VgaGraphicsRenderer::renderLine(const VgaGeometry& geometry, uint32_t y,
                                                const AttributeColors& colors,
                                                const PackedColors& packed,
                                                const VideoMemory& memory) {
    VgaGeometry::Line line = geometry.line(y);
    uint32_t columns = geometry.columns + 1; // one more for panning
    m_dots.resize(size_t{columns} * 8 * geometry.dotRepeat);
    std::array<uint32_t, 8> dots;
    uint32_t* out = m_dots.data();
    for (uint32_t column = 0; column < columns; ++column) {
        uint32_t group = memory.group(geometry.groupIndex(line.address + column, line.rowLine));
        switch (geometry.kind) {
        case VgaGeometry::Kind::Text: // drawn elsewhere
        case VgaGeometry::Kind::Planar:
            planarDots(group, colors, dots.data());
            break;
        case VgaGeometry::Kind::Interleaved:
            interleavedDots(group, colors, dots.data());
            break;
        case VgaGeometry::Kind::Packed256:
            packedDots(group, packed, dots.data());
            break;
        }
        for (uint32_t dot : dots)
            for (uint32_t i = 0; i < geometry.dotRepeat; ++i)
                *out++ = dot;
    }
    return m_dots.data() + size_t{line.pan} * geometry.dotRepeat;
}

bool lineIsDirty(const VgaGeometry& geometry, uint32_t y, const VideoMemory& memory) {
    constexpr uint32_t kGroupsPerPage = VideoMemory::kPageBytes / 4;
    VgaGeometry::Line line = geometry.line(y);
    uint32_t lastPage = UINT32_MAX;
    for (uint32_t column = 0; column <= geometry.columns; ++column) {
        uint32_t group = geometry.groupIndex(line.address + column, line.rowLine);
        if (group / kGroupsPerPage == lastPage)
            continue;
        lastPage = group / kGroupsPerPage;
        if (memory.isDirty(uint64_t{group} * 4, 4))
            return true;
    }
    return false;
}

const uint32_t* LinearRenderer::renderLine(const VbeMode& mode, PixelByteOrder order, uint32_t y,
                                           const PackedColors& packed, const VideoMemory& memory) {
    m_pixels.resize(mode.width);
    const uint8_t* in = memory.data() + mode.offsetBytes + uint64_t{y} * mode.strideBytes;
    bool swapped = order == PixelByteOrder::BigEndian;
    auto pixel16 = [&](uint32_t x) -> uint32_t {
        auto value = loadLe<uint16_t>(in + size_t{x} * 2);
        return swapped ? byteSwap(value) : value;
    };
    switch (mode.bitsPerPixel) {
    case 8:
        for (uint32_t x = 0; x < mode.width; ++x)
            m_pixels[x] = packed[in[x]];
        break;
    case 15:
        for (uint32_t x = 0; x < mode.width; ++x) {
            uint32_t value = pixel16(x);
            m_pixels[x] = widen(value >> 10 & 31, 5) << 16 | widen(value >> 5 & 31, 5) << 8 |
                          widen(value & 31, 5);
        }
        break;
    case 16:
        for (uint32_t x = 0; x < mode.width; ++x) {
            uint32_t value = pixel16(x);
            m_pixels[x] =
                widen(value >> 11, 5) << 16 | widen(value >> 5 & 63, 6) << 8 | widen(value & 31, 5);
        }
        break;
    case 24:
        for (uint32_t x = 0; x < mode.width; ++x, in += 3)
            m_pixels[x] = swapped ? uint32_t{in[0]} << 16 | uint32_t{in[1]} << 8 | in[2]
                                  : uint32_t{in[2]} << 16 | uint32_t{in[1]} << 8 | in[0];
        break;
    default:
        for (uint32_t x = 0; x < mode.width; ++x) {
            auto value = loadLe<uint32_t>(in + size_t{x} * 4);
            m_pixels[x] = swapped ? byteSwap(value) : value;
        }
        break;
    }
    return m_pixels.data();
}

} // namespace vivarium
