#pragma once

#include "vmm/base/key_codes.h"

#include <cstdint>
#include <optional>

namespace vivarium {

// The key of a US board that carries an X keysym (X.Org keysymdef.h; RFC 6143, 7.5.4), shifted or
// not: both 'a' and 'A' are the A key, '!' is the 1 key. nullopt for what the board does not have.
std::optional<KeyCode> keyCodeForKeysym(uint32_t keysym);

} // namespace vivarium
