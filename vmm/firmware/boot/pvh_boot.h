#pragma once

#include "vmm/firmware/boot/direct_boot.h"

#include <optional>

namespace vivarium {

// Xen's PVH entry (Xen, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h).

// The 32-bit entry point from note XEN_ELFNOTE_PHYS32_ENTRY; nullopt for other files.
std::optional<uint32_t> pvhEntry(ConstByteSpan kernel);

// Errors as loadKernel.
Result<VcpuRegisters> loadPvh(const DirectBootImages& images, const DirectBootPlatform& platform,
                              const GuestMemory& memory);

} // namespace vivarium
