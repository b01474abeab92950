#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/image_messages.h"

namespace vivarium::image {

// What the contents of a file look like; Raw for everything unknown. Error: Io.
Result<control::ImageKind> detectImageKind(const UniqueFd& fd);

// Whether a foreign image holds all of its disk itself. Errors: Unsupported, a sentence that says
// to what else it refers; Corrupt; Io.
Result<void> checkSelfContained(const UniqueFd& fd, control::ImageKind kind);

} // namespace vivarium::image
