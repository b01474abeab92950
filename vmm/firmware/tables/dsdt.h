#pragma once

#include "vmm/base/bytes.h"

namespace vivarium {

// The DSDT that the build compiled from resources/acpi/dsdt.asl.
ConstByteSpan dsdtTable();

} // namespace vivarium
