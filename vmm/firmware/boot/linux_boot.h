#pragma once

#include "vmm/firmware/boot/direct_boot.h"

namespace vivarium {

// Linux by its boot protocol (Documentation/arch/x86/boot.rst of the kernel).

// A bzImage: the header's two magic numbers.
bool isLinuxBzImage(ConstByteSpan kernel);
// An uncompressed 64-bit vmlinux: an ELF executable that holds Linux's version banner.
bool isLinuxElf(ConstByteSpan kernel);

// Errors as loadKernel.
Result<VcpuRegisters> loadLinuxBzImage(const DirectBootImages& images,
                                       const DirectBootPlatform& platform,
                                       const GuestMemory& memory);
Result<VcpuRegisters> loadLinuxElf(const DirectBootImages& images,
                                   const DirectBootPlatform& platform, const GuestMemory& memory);

} // namespace vivarium
