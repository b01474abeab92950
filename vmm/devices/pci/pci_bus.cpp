#include "vmm/devices/pci/pci_bus.h"

#include "vmm/base/bytes.h"

#include <algorithm>

namespace vivarium {

namespace {
constexpr uint16_t kConfigAddressPort = 0xCF8;
constexpr uint64_t kConfigDataOffset = 4; // 0xCFC
constexpr uint32_t kAddressEnable = 0x80000000;
constexpr uint32_t kAddressMask = 0x80FFFFFC; // reserved bits read 0
} // namespace

Result<std::unique_ptr<PciBus>> PciBus::create(PortBus& ports) {
    std::unique_ptr<PciBus> bus(new PciBus());
    bus->m_ports = TRY(ports.map("pci-bus", kConfigAddressPort, 8,
                                 ioHandler<&PciBus::readPort, &PciBus::writePort>(bus.get())));
    return bus;
}

Result<void> PciBus::add(PciDevice& device) {
    PciDevice*& slot = m_devices[device.address().devfn()];
    if (slot)
        return fail(ErrorCode::Busy, std::string(device.name()) + ": its PCI slot is taken by " +
                                         std::string(slot->name()));
    slot = &device;
    return {};
}

void PciBus::remove(const PciDevice& device) {
    PciDevice*& slot = m_devices[device.address().devfn()];
    if (slot == &device)
        slot = nullptr;
}

IoHandler PciBus::ecamHandler() {
    return ioHandler<&PciBus::readEcam, &PciBus::writeEcam>(this);
}

// --- Configuration accesses -----------------------------------------------------------------

uint32_t PciBus::readConfig(uint8_t bus, uint8_t devfn, uint16_t offset, unsigned sizeBytes) {
    PciDevice* device = bus == 0 ? m_devices[devfn] : nullptr;
    if (!device)
        return static_cast<uint32_t>(accessMask(sizeBytes));
    if (offset % sizeBytes == 0)
        return device->readConfig(offset, sizeBytes) & static_cast<uint32_t>(accessMask(sizeBytes));
    uint32_t value = 0;
    for (unsigned i = 0; i < sizeBytes; ++i)
        value |= readConfig(bus, devfn, static_cast<uint16_t>(offset + i), 1) << (8 * i);
    return value;
}

void PciBus::writeConfig(uint8_t bus, uint8_t devfn, uint16_t offset, unsigned sizeBytes,
                         uint32_t value) {
    PciDevice* device = bus == 0 ? m_devices[devfn] : nullptr;
    if (!device)
        return;
    if (offset % sizeBytes == 0) {
        device->writeConfig(offset, sizeBytes, value);
        return;
    }
    for (unsigned i = 0; i < sizeBytes; ++i)
        writeConfig(bus, devfn, static_cast<uint16_t>(offset + i), 1, value >> (8 * i) & 0xFF);
}

// --- Ports ----------------------------------------------------------------------------------

uint64_t PciBus::readPort(uint64_t offset, unsigned sizeBytes) {
    if (offset < kConfigDataOffset) {
        if (offset == 0 && sizeBytes == 4)
            return m_state.configAddress;
        return m_narrow.read ? m_narrow.read(m_narrow.device, offset, sizeBytes)
                             : accessMask(sizeBytes);
    }
    uint32_t address = m_state.configAddress;
    if (!(address & kAddressEnable))
        return accessMask(sizeBytes);
    return readConfig(static_cast<uint8_t>(address >> 16), static_cast<uint8_t>(address >> 8),
                      static_cast<uint16_t>((address & 0xFC) + (offset - kConfigDataOffset)),
                      sizeBytes);
}

void PciBus::writePort(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (offset < kConfigDataOffset) {
        if (offset == 0 && sizeBytes == 4)
            m_state.configAddress = static_cast<uint32_t>(value) & kAddressMask;
        else if (m_narrow.write)
            m_narrow.write(m_narrow.device, offset, sizeBytes, value);
        return;
    }
    uint32_t address = m_state.configAddress;
    if (!(address & kAddressEnable))
        return;
    writeConfig(static_cast<uint8_t>(address >> 16), static_cast<uint8_t>(address >> 8),
                static_cast<uint16_t>((address & 0xFC) + (offset - kConfigDataOffset)), sizeBytes,
                static_cast<uint32_t>(value));
}

// --- Memory window --------------------------------------------------------------------------

uint64_t PciBus::readEcam(uint64_t offset, unsigned sizeBytes) {
    uint64_t value = 0;
    unsigned step = std::min(sizeBytes, 4u); // a quadword is two doublewords
    for (unsigned i = 0; i < sizeBytes; i += step)
        value |= uint64_t{readConfig(static_cast<uint8_t>(offset >> 20),
                                     static_cast<uint8_t>(offset >> 12),
                                     static_cast<uint16_t>((offset & 0xFFF) + i), step)}
                 << (8 * i);
    return value;
}

void PciBus::writeEcam(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    unsigned step = std::min(sizeBytes, 4u);
    for (unsigned i = 0; i < sizeBytes; i += step)
        writeConfig(static_cast<uint8_t>(offset >> 20), static_cast<uint8_t>(offset >> 12),
                    static_cast<uint16_t>((offset & 0xFFF) + i), step,
                    static_cast<uint32_t>(value >> (8 * i)));
}

// --- Save, restore --------------------------------------------------------------------------

void PciBus::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.configAddress);
}

Result<void> PciBus::restore(StateReader& reader) {
    reset();
    State state;
    TRY(reader.enterSection(name(), stateVersion()));
    TRY(reader.fields(state.configAddress));
    state.configAddress &= kAddressMask;
    m_state = state;
    return {};
}

} // namespace vivarium
