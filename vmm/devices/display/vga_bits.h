#pragma once

#include <cstdint>

namespace vivarium::vga {

// Register bits that several files use (FreeVGA register descriptions).
constexpr uint8_t kMiscMemoryEnable = 0x02;

// Sequencer 1, clocking mode
constexpr uint8_t kEightDots = 0x01;
constexpr uint8_t kHalfDotClock = 0x08;
constexpr uint8_t kScreenOff = 0x20;
// Sequencer 4, memory mode
constexpr uint8_t kSequential = 0x04; // clear: odd/even
constexpr uint8_t kChain4 = 0x08;

// Graphics 5, mode
constexpr uint8_t kWriteModeMask = 0x03;
constexpr uint8_t kReadMode1 = 0x08;
constexpr uint8_t kReadOddEven = 0x10;
constexpr uint8_t kShiftInterleaved = 0x20;
constexpr uint8_t kShift256 = 0x40;
// Graphics 6, miscellaneous
constexpr uint8_t kGraphicsMode = 0x01;

// Attribute controller: palette address source of the index, then register 0x10
constexpr uint8_t kPaletteSource = 0x20;
constexpr uint8_t kLineGraphics = 0x04;
constexpr uint8_t kBlink = 0x08;
constexpr uint8_t kPanUpperOnly = 0x20;
constexpr uint8_t kPaletteFromColorSelect = 0x80;

// CRTC
constexpr uint8_t kDoubleScan = 0x80;    // 0x09
constexpr uint8_t kCursorOff = 0x20;     // 0x0A
constexpr uint8_t kDwordMode = 0x40;     // 0x14
constexpr uint8_t kDoubleLines = 0x04;   // 0x17
constexpr uint8_t kWordWrapAt64K = 0x20; // 0x17
constexpr uint8_t kByteMode = 0x40;      // 0x17
constexpr uint8_t kSyncEnable = 0x80;    // 0x17

} // namespace vivarium::vga
