#pragma once

#include "vmm/base/result.h"
#include "vmm/firmware/tables/platform_description.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// The ACPI tables (RSDT, XSDT, FADT, FACS, DSDT, SSDT, MADT, MCFG, WAET and, when present, HPET) as
// firmware takes them through fw_cfg: two files and the commands that place and link them.
struct AcpiFiles {
    std::vector<uint8_t> tables; // "etc/acpi/tables"
    std::vector<uint8_t> rsdp;   // "etc/acpi/rsdp"
    std::vector<uint8_t> loader; // "etc/table-loader"
};
AcpiFiles buildAcpiFiles(const PlatformDescription& platform);

// Lays the tables into guest memory for a kernel started without firmware: the RSDP at `base` (16
// bytes aligned; in 0xE0000..0xFFFFF a kernel finds it by itself), the tables behind it. Returns
// the RSDP's address. Errors: LimitExceeded (they need more than `spaceBytes`), InvalidArgument
// (alignment, or not RAM).
Result<GuestAddress> writeAcpiTables(const PlatformDescription& platform, const GuestMemory& memory,
                                     GuestAddress base, uint64_t spaceBytes);

} // namespace vivarium
