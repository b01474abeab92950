#pragma once

#include "vmm/firmware/tables/platform_description.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// The DSDT that the build compiled from resources/acpi/dsdt.asl, with the values that depend on
// the machine filled in. Its checksum is the caller's to set.
std::vector<uint8_t> dsdtTable(const PlatformDescription& platform);

} // namespace vivarium
