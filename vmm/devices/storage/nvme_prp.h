#pragma once

#include "vmm/devices/storage/nvme_command.h"
#include "vmm/devices/storage/nvme_registers.h"
#include "vmm/devices/storage/prd_table.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>

namespace vivarium {

// The guest memory that a command's physical region pages describe (NVMe 1.4, 4.3).
struct NvmeData {
    nvme::Status status = nvme::kSuccess; // else no pieces
    GuestBuffers buffers;
};

// The first `lengthBytes` (1..nvme::kMaxTransferBytes) of the command's data. Each list entry is
// read once; no more of them than the length needs.
NvmeData mapPrps(const GuestMemory& memory, const NvmeCommand& command, uint64_t lengthBytes);

} // namespace vivarium
