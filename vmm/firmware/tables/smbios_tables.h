#pragma once

#include "vmm/base/result.h"
#include "vmm/memory/guest_memory.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// What SMBIOS says of the machine. Texts: printable ASCII, at most 64 bytes; the rest is dropped.
struct SmbiosDescription {
    std::array<uint8_t, 16> uuid{}; // in text order: first byte is the first two digits
    std::string manufacturer = "Vivarium";
    std::string product = "Vivarium virtual machine";
    std::string version = VIVARIUM_VERSION;
    std::string serialNumber;
    std::string processor = "Virtual processor";
    uint32_t sockets = 1; // 1..64
    uint32_t coresPerSocket = 1;
    uint32_t threadsPerCore = 1;
    uint64_t memoryBelow4GiB = 0; // bytes, whole MiB
    uint64_t memoryAbove4GiB = 0;
};

// SMBIOS 2.8 as firmware takes it through fw_cfg. The anchor's address and checksums are
// firmware's to fill in.
struct SmbiosFiles {
    std::vector<uint8_t> anchor; // "etc/smbios/smbios-anchor"
    std::vector<uint8_t> tables; // "etc/smbios/smbios-tables"
};
SmbiosFiles buildSmbiosFiles(const SmbiosDescription& description);

// Lays anchor and tables into guest memory for a kernel started without firmware; `base` is 16
// bytes aligned and in 0xF0000..0xFFFFF, where kernels search. Errors: InvalidArgument,
// LimitExceeded (more than `spaceBytes`).
Result<void> writeSmbiosTables(const SmbiosDescription& description, const GuestMemory& memory,
                               GuestAddress base, uint64_t spaceBytes);

} // namespace vivarium
