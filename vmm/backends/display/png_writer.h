#pragma once

#include "vmm/base/result.h"
#include "vmm/base/scanout.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// A PNG file (8-bit RGB, compressed for speed) of `height` lines of `width` pixels as ScanoutInfo
// describes them; line n starts at pixels + n * strideBytes. The pixels may change meanwhile. Any
// thread. Errors: InvalidArgument (a size of 0 or above kMaxScanoutWidth/-Height), Internal.
Result<std::vector<uint8_t>> encodePng(const uint8_t* pixels, uint32_t width, uint32_t height,
                                       uint32_t strideBytes);

} // namespace vivarium
