#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

// RFC 4648, section 4, with padding.
std::string toBase64(ConstByteSpan bytes);
// Errors: InvalidArgument.
Result<std::vector<uint8_t>> fromBase64(std::string_view text);

} // namespace vivarium
