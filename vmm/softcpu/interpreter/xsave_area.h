#pragma once

#include "vmm/base/bytes.h"
#include "vmm/softcpu/cpu_state.h"

#include <cstdint>

// The fields of CpuState::xsave (Intel SDM 1, 13.4), always in the host's standard format.
namespace vivarium::softcpu {

inline constexpr unsigned kFcw = 0, kFsw = 2, kFtw = 4, kFop = 6, kFip = 8, kFdp = 16, kMxcsr = 24,
                          kSt0 = 32, kXmm0 = 160, kLegacyEnd = 416, kXstateBv = 512, kXcompBv = 520,
                          kExtendedStart = 576;
inline constexpr uint32_t kMxcsrMask = 0xFFFF, kMxcsrDefault = 0x1F80;
inline constexpr uint16_t kFswPending = 1 << 7; // ES

// Offset and size of an extended component (2 AVX, 5..7 AVX-512) in the standard format, from the
// host's CPUID leaf 0xD; zero where there is none.
struct XsaveComponent {
    uint32_t offset = 0;
    uint32_t sizeBytes = 0;
    bool aligned = false; // to 64 bytes in the compacted format
};
const XsaveComponent& xsaveComponent(unsigned number);

// The components that the host's kernel lets programs use, of those that guests may have: x87, SSE,
// AVX and the three of AVX-512 together. Zero: no XSAVE.
uint64_t hostXsaveComponents();

// These are no longer in their initial state.
inline void markUsed(CpuState& state, uint64_t components) {
    uint8_t* used = state.xsave + kXstateBv;
    storeLe<uint64_t>(used, loadLe<uint64_t>(used) | components);
}

inline uint32_t mxcsr(const CpuState& state) {
    return loadLe<uint32_t>(state.xsave + kMxcsr);
}
inline void setMxcsr(CpuState& state, uint32_t value) {
    storeLe<uint32_t>(state.xsave + kMxcsr, value);
    markUsed(state, kXcr0Sse);
}

// The low 16 bytes of vector register `number` 0..15.
inline uint8_t* vectorLow(CpuState& state, unsigned number) {
    return state.xsave + kXmm0 + number * 16;
}

} // namespace vivarium::softcpu
