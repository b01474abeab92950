#pragma once

#include "vmm/bus/device.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"
#include "vmm/devices/pci/pci_bus.h"

#include <cstdint>
#include <memory>

namespace vivarium {

// The two reset registers of the ICH9: reset control (0xCF9, also ACPI's reset register) and
// system control port A (0x92: fast reset, A20, which is always open here). Device lock.
class ResetControl final : public Device {
public:
    static constexpr uint16_t kResetPort = 0xCF9;
    static constexpr uint8_t kResetValue = 0x0F; // FADT.RESET_VALUE

    // Port 0xCF9 lies inside the PCI address register, so `bus` passes it on. Errors: Busy.
    static Result<std::unique_ptr<ResetControl>> create(PortBus& ports, PciBus& bus,
                                                        SystemControl& system);

    std::string_view name() const override { return "reset-control"; }
    void reset() override { m_state = {}; }
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint8_t resetControl = 0;
        uint8_t systemControl = 0x02; // A20 open
    };
    explicit ResetControl(SystemControl& system) : m_system(system) {}
    uint8_t readResetControl(uint64_t offset);
    void writeResetControl(uint64_t offset, uint8_t value);
    uint8_t readPortA(uint64_t) { return m_state.systemControl; }
    void writePortA(uint64_t offset, uint8_t value);

    SystemControl& m_system;
    PortMapping m_portA;
    State m_state;
};

} // namespace vivarium
