#pragma once

#include "vmm/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// All bytes of a regular file, read from its beginning wherever its position is. Errors:
// LimitExceeded (above `maxBytes`), InvalidArgument (no regular file), host errors; `what` names
// the file.
Result<std::vector<uint8_t>> readWholeFile(int fd, uint64_t maxBytes, const std::string& what);

} // namespace vivarium
