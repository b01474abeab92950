#pragma once

#include <array>
#include <cstdint>

namespace vivarium {

// VBE DISPI registers (the interface of the Bochs VBE extension, ports 0x1CE/0x1CF).
struct VbeDispiState {
    uint16_t index = 0;
    uint16_t id = 0xB0C5;
    uint16_t width = 640, height = 480; // 1..VbeDispi::kMaxWidth, kMaxHeight
    uint16_t bitsPerPixel = 8;          // 4, 8, 15, 16, 24 or 32
    uint16_t enable = 0;
    uint16_t bank = 0; // in 64 KiB, within video memory
    uint16_t virtualWidth = 640;
    uint16_t offsetX = 0, offsetY = 0;
};

// Which byte of a pixel comes first in linear modes (register 0x604 of the MMIO BAR).
enum class PixelByteOrder : uint8_t { LittleEndian, BigEndian };

// Everything of the adapter that a guest can see but video memory. Register files are as large as
// their masked index reaches, so an index is always good.
struct VgaState {
    uint8_t miscOutput = 0;
    uint8_t featureControl = 0;
    uint8_t adapterEnable = 1; // port 0x3C3

    uint8_t sequencerIndex = 0;
    std::array<uint8_t, 8> sequencer{};

    uint8_t crtcIndex = 0;
    std::array<uint8_t, 32> crtc{};

    uint8_t graphicsIndex = 0;
    std::array<uint8_t, 16> graphics{};

    uint8_t attributeIndex = 0; // with the palette address source in bit 5
    std::array<uint8_t, 32> attribute{};
    bool attributeDataNext = false; // the flip-flop of port 0x3C0

    uint8_t pixelMask = 0xFF;
    uint8_t dacReadIndex = 0, dacWriteIndex = 0;
    uint8_t dacReadComponent = 0, dacWriteComponent = 0; // 0 red, 1 green, 2 blue
    bool dacReading = false;                             // what port 0x3C7 tells
    std::array<uint8_t, 2> dacPending{};                 // red and green until blue arrives
    std::array<uint8_t, 768> palette{};

    std::array<uint8_t, 4> latches{}; // one a plane
    bool statusToggle = false;        // display enable as port 0x3DA reports it

    VbeDispiState dispi;
    PixelByteOrder byteOrder = PixelByteOrder::LittleEndian;
};

} // namespace vivarium
