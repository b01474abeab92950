#pragma once

#include "vmm/softcpu/interpreter/xsave_area.h"

#include <cstring>

// Vector registers in their full width, and opmasks, in the XSAVE area of a vCPU.
namespace vivarium::softcpu {

struct WideVector {
    uint8_t bytes[64];
};

namespace detail {

enum class Transfer { Load, Store };

// A part of an extended component; nothing where the host lacks it.
template <Transfer transfer>
void transferPart(CpuState& state, unsigned component, size_t offset, void* bytes, size_t size) {
    const XsaveComponent& whole = xsaveComponent(component);
    if (whole.sizeBytes == 0)
        return;
    uint8_t* place = state.xsave + whole.offset + offset;
    if constexpr (transfer == Transfer::Load) {
        std::memcpy(bytes, place, size);
    } else {
        std::memcpy(place, bytes, size);
        markUsed(state, uint64_t{1} << component);
    }
}

template <Transfer transfer>
void transferVector(CpuState& state, unsigned number, WideVector& value) {
    constexpr unsigned kYmmHigh = 2, kZmmHigh = 6, kHighZmm = 7;
    if (number >= 16)
        return transferPart<transfer>(state, kHighZmm, (number - 16) * size_t{64}, value.bytes, 64);
    if constexpr (transfer == Transfer::Load)
        std::memcpy(value.bytes, vectorLow(state, number), 16);
    else
        std::memcpy(vectorLow(state, number), value.bytes, 16);
    transferPart<transfer>(state, kYmmHigh, number * size_t{16}, value.bytes + 16, 16);
    transferPart<transfer>(state, kZmmHigh, number * size_t{32}, value.bytes + 32, 32);
}

} // namespace detail

// Register `number` 0..31; what the host does not have reads as zero.
inline WideVector wideVector(CpuState& state, unsigned number) {
    WideVector value{};
    detail::transferVector<detail::Transfer::Load>(state, number, value);
    return value;
}

inline void setWideVector(CpuState& state, unsigned number, WideVector value) {
    detail::transferVector<detail::Transfer::Store>(state, number, value);
    markUsed(state, kXcr0Sse);
}

// Opmask `number` 0..7.
inline uint64_t opmask(CpuState& state, unsigned number) {
    uint64_t value = 0;
    detail::transferPart<detail::Transfer::Load>(state, 5, number * size_t{8}, &value, 8);
    return value;
}

inline void setOpmask(CpuState& state, unsigned number, uint64_t value) {
    detail::transferPart<detail::Transfer::Store>(state, 5, number * size_t{8}, &value, 8);
}

} // namespace vivarium::softcpu
