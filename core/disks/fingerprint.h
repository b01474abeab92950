#pragma once

#include "vmm/base/result.h"

#include <QString>

namespace vivarium {

// What is in a file, as far as a look at up to 1.1 MiB of it can tell: a hash of its size, both
// ends and 256 places between them. Whoever changes a disk on purpose meets some of them nearly
// always; a single changed sector is not found. Reads the file: for threads that may block. Errors:
// the host's.
Result<QString> contentFingerprint(const QString& path);

} // namespace vivarium
