#pragma once

#include "vmm/firmware/boot/direct_boot.h"

namespace vivarium {

// Multiboot 0.6.96 ("multiboot 1").

// Whether a valid header stands in the first 8 KiB.
bool isMultiboot(ConstByteSpan kernel);

// Errors as loadKernel.
Result<VcpuRegisters> loadMultiboot(const DirectBootImages& images,
                                    const DirectBootPlatform& platform, const GuestMemory& memory);

} // namespace vivarium
