#pragma once

#include "vmm/base/result.h"
#include "vmm/bus/vcpu.h"
#include "vmm/firmware/boot/boot_layout.h"

namespace vivarium {

// The processor states in which kernels expect to be entered, with the tables that these need
// written into the guest's memory. Interrupts are off; general registers are zero.

// 32-bit protected mode, flat segments, no paging.
Result<VcpuRegisters> flatProtectedMode(BootLayout& layout, uint32_t entry);
// 64-bit mode with the first 4 GiB mapped one to one.
Result<VcpuRegisters> identityLongMode(BootLayout& layout, uint64_t entry);

} // namespace vivarium
