#include "vmm/firmware/tables/dsdt.h"

namespace vivarium {

namespace {
#include "generated/dsdt.hex" // iasl's C array: dsdt_aml_code
} // namespace

ConstByteSpan dsdtTable() {
    return dsdt_aml_code;
}

} // namespace vivarium
