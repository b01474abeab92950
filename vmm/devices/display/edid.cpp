#include "vmm/devices/display/edid.h"

#include <algorithm>
#include <numeric>
#include <string_view>

namespace vivarium {

namespace {

using Block = std::array<uint8_t, kEdidBytes>;

constexpr uint32_t kRefreshHz = 60;
constexpr uint32_t kDotsPerInch = 100;
constexpr size_t kDescriptorBytes = 18;

uint8_t low8(uint32_t value) {
    return static_cast<uint8_t>(value);
}

// Reduced blanking (VESA CVT 1.2, 3.4): the picture needs a known frame, not a tube's return time.
struct Timing {
    uint32_t width, height;
    uint32_t horizontalBlank = 160, horizontalFront = 48, horizontalSync = 32;
    uint32_t verticalBlank, verticalFront = 3, verticalSync = 6;
    uint32_t clock10KHz;

    Timing(uint32_t w, uint32_t h)
        : width(w), height(h), verticalBlank(std::max(h / 30, 23u)),
          clock10KHz((w + horizontalBlank) * (h + verticalBlank) / 10000 * kRefreshHz) {}
};

uint32_t millimetres(uint32_t pixels) {
    return pixels * 254 / (kDotsPerInch * 10);
}

// EDID 1.4, 3.10.2: detailed timing descriptor.
void putDetailedTiming(uint8_t* d, const Timing& t) {
    uint32_t clock = std::min(t.clock10KHz, 65535u);
    uint32_t widthMm = millimetres(t.width), heightMm = millimetres(t.height);
    d[0] = low8(clock);
    d[1] = low8(clock >> 8);
    d[2] = low8(t.width);
    d[3] = low8(t.horizontalBlank);
    d[4] = low8(t.width >> 8 << 4 | t.horizontalBlank >> 8);
    d[5] = low8(t.height);
    d[6] = low8(t.verticalBlank);
    d[7] = low8(t.height >> 8 << 4 | t.verticalBlank >> 8);
    d[8] = low8(t.horizontalFront);
    d[9] = low8(t.horizontalSync);
    d[10] = low8(t.verticalFront << 4 | t.verticalSync);
    d[11] = 0; // high bits of the four above
    d[12] = low8(widthMm);
    d[13] = low8(heightMm);
    d[14] = low8(widthMm >> 8 << 4 | heightMm >> 8);
    d[15] = 0; // no border
    d[16] = 0;
    d[17] = 0x1A; // digital separate sync, horizontal positive, vertical negative
}

// EDID 1.4, 3.10.3: display descriptor `tag` with up to 13 characters.
void putText(uint8_t* d, uint8_t tag, std::string_view text) {
    d[3] = tag;
    std::fill_n(d + 5, 13, uint8_t{' '});
    std::copy(text.begin(), text.end(), d + 5);
    if (text.size() < 13)
        d[5 + text.size()] = '\n';
}

// EDID 1.4, 3.10.3.3: display range limits.
void putRangeLimits(uint8_t* d) {
    constexpr uint8_t kMinVerticalHz = 50, kMaxVerticalHz = 125;
    constexpr uint8_t kMinHorizontalKHz = 30, kMaxHorizontalKHz = 255;
    constexpr uint8_t kMaxClock10MHz = 66;
    d[3] = 0xFD;
    d[5] = kMinVerticalHz;
    d[6] = kMaxVerticalHz;
    d[7] = kMinHorizontalKHz;
    d[8] = kMaxHorizontalKHz;
    d[9] = kMaxClock10MHz;
    d[10] = 0x01; // range limits only
    d[11] = '\n';
    std::fill_n(d + 12, 6, uint8_t{' '});
}

// EDID 1.4, 3.9: standard timing: width / 8 - 31, aspect ratio and refresh rate - 60.
enum class Aspect : uint8_t { R16x10 = 0, R4x3 = 1, R5x4 = 2, R16x9 = 3 };
struct StandardTiming {
    uint32_t width;
    Aspect aspect;
};
constexpr StandardTiming kStandardTimings[8] = {
    {2048, Aspect::R4x3}, {1920, Aspect::R16x9},  {1920, Aspect::R16x10}, {1680, Aspect::R16x10},
    {1600, Aspect::R4x3}, {1440, Aspect::R16x10}, {1280, Aspect::R5x4},   {1280, Aspect::R16x10},
};

} // namespace

std::array<uint8_t, kEdidBytes> makeEdid(uint32_t width, uint32_t height) {
    width = std::clamp(width, 640u, 4088u) & ~7u;
    height = std::clamp(height, 480u, 4095u);
    Block edid{};
    std::fill_n(edid.begin() + 1, 6, uint8_t{0xFF}); // 3.3: header

    // 3.4: manufacturer "VIV" (five bits a letter), product, year and EDID version.
    constexpr uint16_t kManufacturer = ('V' - '@') << 10 | ('I' - '@') << 5 | ('V' - '@');
    edid[8] = low8(kManufacturer >> 8);
    edid[9] = low8(kManufacturer);
    edid[10] = 0x01;
    edid[16] = 1; // week
    edid[17] = 2026 - 1990;
    edid[18] = 1;
    edid[19] = 4;

    // 3.6: digital input, 8 bits a colour; size in centimetres; gamma 2.2; sRGB, the first detailed
    // timing is the native one.
    edid[20] = 0xA0;
    edid[21] = low8(std::min(millimetres(width) / 10, 255u));
    edid[22] = low8(std::min(millimetres(height) / 10, 255u));
    edid[23] = 120;
    edid[24] = 0x06;

    // 3.7: chromaticity of sRGB (IEC 61966-2-1), ten-bit fractions.
    constexpr std::array<uint8_t, 10> kSrgb{0xEE, 0x91, 0xA3, 0x54, 0x4C,
                                            0x99, 0x26, 0x0F, 0x50, 0x54};
    std::copy(kSrgb.begin(), kSrgb.end(), edid.begin() + 25);

    // 3.8: established timings 640x480, 800x600 and 1024x768, all at 60 Hz.
    edid[35] = 0x21;
    edid[36] = 0x08;
    for (size_t i = 0; i < 8; ++i) {
        edid[38 + 2 * i] = low8(kStandardTimings[i].width / 8 - 31);
        edid[39 + 2 * i] = low8(static_cast<uint32_t>(kStandardTimings[i].aspect) << 6);
    }

    uint8_t* descriptor = edid.data() + 54;
    putDetailedTiming(descriptor, Timing(width, height));
    putRangeLimits(descriptor + kDescriptorBytes);
    putText(descriptor + 2 * kDescriptorBytes, 0xFC, "Vivarium");
    putText(descriptor + 3 * kDescriptorBytes, 0xFF, "1");

    uint8_t sum = std::accumulate(edid.begin(), edid.end(), uint8_t{0});
    edid[127] = low8(256u - sum);
    return edid;
}

} // namespace vivarium
