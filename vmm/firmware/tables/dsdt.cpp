#include "vmm/firmware/tables/dsdt.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cassert>
#include <string_view>

namespace vivarium {

namespace {
#include "generated/dsdt.hex" // iasl's C array: dsdt_aml_code

constexpr unsigned kGiBShift = 30;

// Sets the integer of `Name (segment, constant)`, which the source declares with a 32-bit constant
// (ACPI 6.4, 20.2.5.1: NameOp, four characters, DWordPrefix, the value).
void patchName(std::vector<uint8_t>& table, std::string_view segment, uint64_t value) {
    constexpr uint8_t kNameOp = 0x08;
    constexpr uint8_t kDwordPrefix = 0x0C;
    assert(value <= 0xFFFFFFFF);
    std::vector<uint8_t> declaration{kNameOp};
    declaration.insert(declaration.end(), segment.begin(), segment.end());
    declaration.push_back(kDwordPrefix);
    auto found = std::search(table.begin(), table.end(), declaration.begin(), declaration.end());
    assert(table.end() - found >= static_cast<std::ptrdiff_t>(declaration.size() + 4));
    storeLe<uint32_t>(&*found + declaration.size(), static_cast<uint32_t>(value));
}
} // namespace

std::vector<uint8_t> dsdtTable(const PlatformDescription& platform) {
    std::vector<uint8_t> table(std::begin(dsdt_aml_code), std::end(dsdt_aml_code));
    patchName(table, "P32B", platform.pci32Base);
    patchName(table, "P32L", platform.pci32Bytes);
    patchName(table, "P64B", platform.pci64Base >> kGiBShift);
    patchName(table, "P64L", platform.pci64Bytes >> kGiBShift);
    patchName(table, "COMS", platform.serialPorts);
    patchName(table, "HPTE", platform.hpet == PlatformDescription::HpetPresence::Present);
    return table;
}

} // namespace vivarium
