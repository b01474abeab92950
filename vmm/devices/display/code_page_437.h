#pragma once

#include "vmm/base/bytes.h"

#include <string>

namespace vivarium {

// UTF-8 of a row of text-mode characters as the PC's character generator shows them (code page 437
// with its pictures for 0x01-0x1F and 0x7F; 0x00 and 0xFF are blanks), without trailing blanks.
std::string codePage437ToUtf8(ConstByteSpan characters);

} // namespace vivarium
