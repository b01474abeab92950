#pragma once

#include "vmm/devices/chipset/acpi_pm.h"
#include "vmm/devices/chipset/chipset_start.h"
#include "vmm/devices/pci/pci_device.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

namespace vivarium {

// ICH9 LPC bridge, 8086:2918 at 00:1f.0: routes PCI interrupts, places the ACPI block and the root
// complex registers. PIRQ A..H always drive GSI 16..23 and, when their routing register says so,
// an ISA line too. Device lock.
class LpcBridge final : public PciInterruptRouter, public PciDevice {
public:
    static constexpr PciAddress kAddress{31, 0};
    static constexpr unsigned kPirqs = 8;
    static constexpr uint32_t kFirstGsi = 16; // of PIRQ A

    // `lines` and `pm` outlive the bridge. The bridge is the router of all PCI functions.
    LpcBridge(PortBus& ports, MemoryMap& memoryMap, InterruptSink& lines, AcpiPm& pm,
              ChipsetStart start);

    // The PIRQ (0 = A .. 7 = H) that a function's pin (1..4) is wired to. Slots 0..24 rotate over
    // E..H, slots 25..31 over A..D; the DSDT's _PRT and stock firmware rely on it.
    static unsigned pirqOf(PciAddress source, uint8_t pin);

    void setIntx(PciAddress source, uint8_t pin, bool asserted) override;

    void writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) override;
    void reset() override;
    Result<void> restore(StateReader& reader) override;

private:
    uint64_t readRootComplex(uint64_t offset, unsigned sizeBytes);
    void writeRootComplex(uint64_t, unsigned, uint64_t) {}
    std::optional<unsigned> isaLineOf(unsigned pirq) const;
    void updateLines();
    void updateDecoding();

    MemoryMap& m_memoryMap;
    AcpiPm& m_pm;
    std::array<std::bitset<256 * 4>, kPirqs> m_asserted; // by function and pin
    std::vector<IrqLine> m_gsiLines;                     // PIRQ A..H
    std::vector<IrqLine> m_isaLines;                     // 0..15
    uint32_t m_rootComplexBase = 0;                      // 0: not decoded
    MemoryMapping m_rootComplex;
};

} // namespace vivarium
