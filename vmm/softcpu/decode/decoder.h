#pragma once

#include "vmm/base/bytes.h"
#include "vmm/softcpu/decode/instruction.h"

#include <cstdint>

namespace vivarium::softcpu {

enum class DecodeStatus {
    Ok,
    NeedMore, // the bytes end within the instruction
    Invalid,  // #UD
    TooLong,  // more than 15 bytes: #GP (Intel SDM 2A, 2.3.11)
};

// Decodes the instruction at the start of `bytes` for a code size of mode::kCode16, kCode32 or
// kCode64. Pure; any thread. What the guest's CPU model lacks is not looked at here.
DecodeStatus decode(ConstByteSpan bytes, uint32_t codeSize, Instruction& instruction);

} // namespace vivarium::softcpu
