#include "vmm/devices/legacy/exit_device.h"

namespace vivarium {

Result<std::unique_ptr<ExitDevice>> ExitDevice::create(PortBus& ports, SystemControl& system,
                                                       uint16_t port) {
    std::unique_ptr<ExitDevice> device(new ExitDevice(system));
    device->m_mapping =
        TRY(ports.map("exit-device", port, kPortCount,
                      ioHandler<&ExitDevice::readPort, &ExitDevice::writePort>(device.get())));
    return device;
}

uint64_t ExitDevice::readPort(uint64_t, unsigned) {
    return 0;
}

void ExitDevice::writePort(uint64_t, unsigned, uint64_t value) {
    m_system.requestExit(static_cast<unsigned char>(value));
}

void ExitDevice::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
}

Result<void> ExitDevice::restore(StateReader& reader) {
    return reader.enterSection(name(), stateVersion());
}

} // namespace vivarium
