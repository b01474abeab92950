#pragma once

#include "vmm/base/key_codes.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// Which keys are down beside the one that changes: Print Screen and Pause send other codes then.
struct ScanCodeModifiers {
    bool shift = false, ctrl = false, alt = false;
};

// The bytes that a PS/2 keyboard sends when `code` goes down or up in scan code set 1, 2 or 3.
// Empty for keys that the set does not have and for releases that it does not report.
std::vector<uint8_t> scanCodeBytes(KeyCode code, bool down, int scanCodeSet,
                                   ScanCodeModifiers modifiers);

// Whether the key repeats while it is held (all but Pause and the language keys).
bool keyRepeats(KeyCode code);

// The keyboard controller's translation of one byte of set 2 into set 1, without the handling of
// the 0xF0 prefix.
uint8_t translateScanCode(uint8_t setTwoByte);

} // namespace vivarium
