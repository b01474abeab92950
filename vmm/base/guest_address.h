#pragma once

#include <cstdint>

namespace vivarium {

// A guest-physical address in bytes.
using GuestAddress = uint64_t;

} // namespace vivarium
