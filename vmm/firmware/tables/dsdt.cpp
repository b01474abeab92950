#include "vmm/firmware/tables/dsdt.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cassert>
#include <string_view>

namespace vivarium {

namespace {
#include "generated/dsdt.hex" // iasl's C array: dsdt_aml_code

// Sets the integer of `Name (segment, constant)`, which the source declares with a constant of T's
// width (ACPI 6.4, 20.2.5.1: NameOp, four characters, a prefix for the width, the value).
template <class T>
void patchName(std::vector<uint8_t>& table, std::string_view segment, T value) {
    constexpr uint8_t kNameOp = 0x08;
    constexpr uint8_t kPrefix = sizeof(T) == 8 ? 0x0E : 0x0C;
    std::vector<uint8_t> declaration{kNameOp};
    declaration.insert(declaration.end(), segment.begin(), segment.end());
    declaration.push_back(kPrefix);
    auto found = std::search(table.begin(), table.end(), declaration.begin(), declaration.end());
    assert(static_cast<size_t>(table.end() - found) >= declaration.size() + sizeof(T));
    storeLe<T>(&*found + declaration.size(), value);
}
} // namespace

std::vector<uint8_t> dsdtTable(const PlatformDescription& platform) {
    std::vector<uint8_t> table(std::begin(dsdt_aml_code), std::end(dsdt_aml_code));
    patchName<uint32_t>(table, "P32B", static_cast<uint32_t>(platform.pci32Base));
    patchName<uint32_t>(table, "P32L", platform.pci32Bytes);
    patchName<uint64_t>(table, "P64B", platform.pci64Base);
    patchName<uint64_t>(table, "P64L", platform.pci64Bytes);
    patchName<uint32_t>(table, "COMS", platform.serialPorts);
    patchName<uint32_t>(table, "HPTE", platform.hpet == PlatformDescription::HpetPresence::Present);
    return table;
}

} // namespace vivarium
