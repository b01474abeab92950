#pragma once

#include "vmm/control/machine_config.h"
#include "vmm/machine/board.h"
#include "vmm/snapshot/ram_image.h"

namespace vivarium {

// Takes and opens the files that `config` names. Errors as RamImage::open, and InvalidArgument for
// a missing descriptor.
Result<RamImage> openRamImage(const control::RamImageConfig& config, ConfigDescriptors& descriptors,
                              uint64_t ramBytes);

} // namespace vivarium
