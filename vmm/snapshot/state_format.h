#pragma once

#include <cstdint>

namespace vivarium {

// The saved-state file: this magic and format version, then sections until the end. A section is
// its name (u32 length and bytes), u32 version, u64 length, u32 CRC-32, payload. The checksum is
// over all of the section but itself.
constexpr uint64_t kStateMagic = 0x31455441'54535656; // "VVSTATE1" in memory
constexpr uint32_t kStateFormatVersion = 1;

} // namespace vivarium
