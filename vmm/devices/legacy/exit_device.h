#pragma once

#include "vmm/bus/device.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"

#include <cstdint>
#include <memory>

namespace vivarium {

// Test exit port, compatible with isa-debug-exit: four ports; a write ends the machine and reports
// the low byte. Present only when the configuration asks for it. Device thread.
class ExitDevice final : public Device {
public:
    static constexpr uint16_t kDefaultPort = 0xF4;
    static constexpr uint32_t kPortCount = 4;

    // Errors: Busy, InvalidArgument (`port` above 0xFFFC).
    static Result<std::unique_ptr<ExitDevice>> create(PortBus& ports, SystemControl& system,
                                                      uint16_t port = kDefaultPort);

    std::string_view name() const override { return "exit-device"; }
    void reset() override {}
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    explicit ExitDevice(SystemControl& system) : m_system(system) {}
    uint64_t readPort(uint64_t offset, unsigned sizeBytes);
    void writePort(uint64_t offset, unsigned sizeBytes, uint64_t value);

    SystemControl& m_system;
    PortMapping m_mapping;
};

} // namespace vivarium
