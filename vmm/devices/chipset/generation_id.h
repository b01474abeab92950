#pragma once

#include "vmm/base/shared_mapping.h"
#include "vmm/bus/device.h"
#include "vmm/bus/memory_map.h"
#include "vmm/devices/chipset/acpi_pm.h"

#include <array>
#include <cstdint>
#include <memory>

namespace vivarium {

// Tells the guest that its past was cut or copied (Virtual Machine Generation ID, Microsoft, 2012):
// a page of ROM with a 128-bit number, which the DSDT's device VGEN points at, and a
// general-purpose event when a state is restored under another number. The page is outside RAM, so
// it is in no memory map and in no saved memory. Device lock.
class GenerationId final : public Device {
public:
    static constexpr GuestAddress kBase = 0xFEDB0000; // as in resources/acpi/dsdt.asl
    static constexpr unsigned kEvent = 5;             // _GPE._E05
    using Uuid = std::array<uint8_t, 16>;             // in text order

    // `acpi` is borrowed. Add it after AcpiPm to the machine's devices: it raises an event while it
    // is restored. Errors: the host's.
    static Result<std::unique_ptr<GenerationId>> create(MemoryMap& memoryMap, AcpiPm& acpi,
                                                        const Uuid& id);

    std::string_view name() const override { return "generation-id"; }
    void reset() override {}
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    GenerationId(AcpiPm& acpi, const Uuid& id, SharedMapping page)
        : m_acpi(acpi), m_id(id), m_page(std::move(page)) {}

    AcpiPm& m_acpi;
    Uuid m_id;
    SharedMapping m_page;
    MemoryMapping m_mapping;
};

} // namespace vivarium
