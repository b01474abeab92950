#pragma once

#include "vmm/base/bytes.h"
#include "vmm/softcpu/cpu_state.h"

#include <cstdint>

namespace vivarium::softcpu::flags {

constexpr uint64_t signBit(unsigned sizeBytes) {
    return uint64_t{1} << (sizeBytes * 8 - 1);
}

// ZF, SF and PF of a result.
inline uint64_t ofResult(uint64_t result, unsigned sizeBytes) {
    result &= accessMask(sizeBytes);
    uint64_t value = 0;
    if (result == 0)
        value |= kFlagZf;
    if (result & signBit(sizeBytes))
        value |= kFlagSf;
    if (!__builtin_parity(static_cast<unsigned>(result & 0xFF)))
        value |= kFlagPf;
    return value;
}

// All six of a + b + carry = result.
inline uint64_t ofAdd(uint64_t a, uint64_t b, uint64_t result, unsigned sizeBytes) {
    const uint64_t sign = signBit(sizeBytes);
    uint64_t value = ofResult(result, sizeBytes) | ((a ^ b ^ result) & kFlagAf);
    if (((a & b) | ((a | b) & ~result)) & sign)
        value |= kFlagCf;
    if ((a ^ result) & (b ^ result) & sign)
        value |= kFlagOf;
    return value;
}

// All six of a - b - borrow = result.
inline uint64_t ofSubtract(uint64_t a, uint64_t b, uint64_t result, unsigned sizeBytes) {
    const uint64_t sign = signBit(sizeBytes);
    uint64_t value = ofResult(result, sizeBytes) | ((a ^ b ^ result) & kFlagAf);
    if (((~a & b) | ((~a | b) & result)) & sign)
        value |= kFlagCf;
    if ((a ^ b) & (a ^ result) & sign)
        value |= kFlagOf;
    return value;
}

} // namespace vivarium::softcpu::flags
