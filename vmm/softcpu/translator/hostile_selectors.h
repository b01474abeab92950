#pragma once

#include <cstdint>

namespace vivarium::softcpu::test {

// Selectors of the global table; what else is there is chance.
constexpr uint16_t kCode32 = 0x08, kData32 = 0x10, kUserCode32 = 0x1B, kUserData32 = 0x23,
                   kCode64 = 0x28, kUserCode64 = 0x33, kCode16 = 0x38, kData16 = 0x40,
                   kTssSelector = 0x48 /* 16 bytes in long mode */, kConforming = 0x58,
                   kExpandDown = 0x60, kReadOnly = 0x68, kCallGate = 0x70 /* likewise */,
                   kTaskGate = 0x80, kOtherTask = 0x88, kOtherTask16 = 0x90,
                   kLdtSelector = 0x98 /* likewise */, kNotPresent = 0xA8, kExecuteOnly = 0xB0,
                   kFirstRandom = 0xB8, kGdtBytes = 0x100;

} // namespace vivarium::softcpu::test
