#pragma once

#include "vmm/bus/device.h"
#include "vmm/bus/port_bus.h"
#include "vmm/devices/pci/pci_device.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace vivarium {

// PCI bus 0 and the ways to its configuration space: mechanism #1 (ports 0xCF8..0xCFF, PCI 3.0,
// 3.2.2.3.2) and the memory window that the host bridge places (PCI Express 2.0, 7.2.2). Owner: the
// machine; the devices are borrowed. Device lock.
class PciBus final : public Device {
public:
    static constexpr uint64_t kEcamBytes = 256 << 20; // 256 buses of 1 MiB

    // Errors: Busy (ports).
    static Result<std::unique_ptr<PciBus>> create(PortBus& ports);

    // Makes `device` answer at its address; it must outlive the bus or be removed. Errors: Busy.
    Result<void> add(PciDevice& device);
    void remove(const PciDevice& device);
    PciDevice* find(PciAddress address) const { return m_devices[address.devfn()]; }

    // Anything but a doubleword at 0xCF8 is not for the address register (0xCF8..0xCFB): it reaches
    // this handler with an offset from 0xCF8 (the reset control register is the byte at 0xCF9).
    void setNarrowPortHandler(IoHandler handler) { m_narrow = handler; }

    // Handler of the memory window; offset = bus << 20 | devfn << 12 | register.
    IoHandler ecamHandler();

    // One access of 1, 2 or 4 bytes; unaligned ones are split. All ones where nothing is.
    uint32_t readConfig(uint8_t bus, uint8_t devfn, uint16_t offset, unsigned sizeBytes);
    void writeConfig(uint8_t bus, uint8_t devfn, uint16_t offset, unsigned sizeBytes,
                     uint32_t value);

    std::string_view name() const override { return "pci-bus"; }
    void reset() override { m_state = {}; }
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint32_t configAddress = 0; // 0xCF8: enable, bus, device, function, register
    };

    PciBus() = default;
    uint64_t readPort(uint64_t offset, unsigned sizeBytes);
    void writePort(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readEcam(uint64_t offset, unsigned sizeBytes);
    void writeEcam(uint64_t offset, unsigned sizeBytes, uint64_t value);

    IoHandler m_narrow;
    std::array<PciDevice*, 256> m_devices{}; // by device and function
    PortMapping m_ports;
    State m_state;
};

} // namespace vivarium
