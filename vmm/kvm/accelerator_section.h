#pragma once

#include <cstdint>

namespace vivarium {

// Versions of the section "accelerator" of a saved state, which all accelerators write alike.
inline constexpr uint32_t kAcceleratorSectionVersion = 2;
// From this one on the rate of the time stamps (kHz) stands at the end.
inline constexpr uint32_t kAcceleratorWithTimeStampRate = 2;

} // namespace vivarium
