#pragma once

#include "app/cli/command_context.h"
#include "app/cli/hardware_options.h"

namespace vivarium::cli {

// For disks whose format nobody has stated: what the library knows of the file, else what its
// contents look like; a missing file is taken for a raw disk. `library` may be null.
HardwareOptions::FormatLookup formatLookup(CommandContext& context, Library* library);

} // namespace vivarium::cli
