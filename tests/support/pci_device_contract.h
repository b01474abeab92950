#pragma once

// The device contract for PCI functions: random accesses also go to configuration space and to
// whatever the BARs decode.
//     QCOMPARE(checkPciDeviceContract(contract), QString());

#include "tests/support/device_contract.h"
#include "vmm/devices/pci/pci_device.h"

#include <map>

namespace vivarium::test {

// Remembers the INTx levels; any number of functions.
class RecordingInterruptRouter final : public PciInterruptRouter {
public:
    void setIntx(PciAddress source, uint8_t pin, bool asserted) override {
        m_levels[source.devfn() << 8 | pin] = asserted;
        ++m_changes;
    }
    bool level(PciAddress source, uint8_t pin) const {
        auto line = m_levels.find(source.devfn() << 8 | pin);
        return line != m_levels.end() && line->second;
    }
    unsigned changes() const { return m_changes; }

private:
    std::map<int, bool> m_levels;
    unsigned m_changes = 0;
};

// Gives every BAR an address as firmware does (I/O from `ioBase`, memory from `memoryBase`, the ROM
// last), enables decoding and bus mastering; returns the windows. Call with the device lock free.
struct PciWindows {
    std::vector<PortRange> ports;
    std::vector<AddressRange> memory;
    std::array<uint64_t, 6> barAddress{}; // 0: not implemented
};
inline PciWindows placeBars(DeviceBench& bench, PciDevice& device, uint16_t ioBase = 0x6000,
                            uint64_t memoryBase = 0xC0000000) {
    PciWindows windows;
    MutexLocker locker(bench.lock);
    device.writeConfig(0x04, 2, 0);
    for (uint16_t index = 0; index < 6; ++index) {
        auto offset = static_cast<uint16_t>(0x10 + 4 * index);
        device.writeConfig(offset, 4, 0xFFFFFFFF);
        uint32_t sizing = device.readConfig(offset, 4);
        bool io = sizing & 1;
        uint32_t mask = sizing & (io ? 0xFFFFFFFC : 0xFFFFFFF0);
        if (mask == 0)
            continue;
        uint64_t sizeBytes = ~mask + uint64_t{1};
        if (io) {
            sizeBytes &= 0xFFFF;
            ioBase = static_cast<uint16_t>(alignUp(ioBase, sizeBytes));
            device.writeConfig(offset, 4, ioBase);
            windows.ports.push_back({ioBase, static_cast<uint32_t>(sizeBytes)});
            windows.barAddress[index] = ioBase;
            ioBase = static_cast<uint16_t>(ioBase + sizeBytes);
            continue;
        }
        memoryBase = alignUp(memoryBase, sizeBytes);
        device.writeConfig(offset, 4, static_cast<uint32_t>(memoryBase));
        windows.memory.push_back({memoryBase, sizeBytes});
        windows.barAddress[index] = memoryBase;
        if ((sizing & 6) == 4) { // 64 bits wide
            device.writeConfig(static_cast<uint16_t>(offset + 4), 4,
                               static_cast<uint32_t>(memoryBase >> 32));
            ++index;
        }
        memoryBase += sizeBytes;
    }
    device.writeConfig(0x30, 4, 0xFFFFFFFE);
    if (uint32_t mask = device.readConfig(0x30, 4) & 0xFFFFF800) {
        uint64_t sizeBytes = ~mask + uint64_t{1};
        memoryBase = alignUp(memoryBase, sizeBytes);
        device.writeConfig(0x30, 4, static_cast<uint32_t>(memoryBase) | 1);
        windows.memory.push_back({memoryBase, sizeBytes});
    }
    device.writeConfig(0x04, 2, 7);
    return windows;
}

// As DeviceContract; `make` must return a PciDevice. Its `ports` and `memory` are for fixed places
// that the function decodes besides its BARs.
inline QString checkPciDeviceContract(DeviceContract contract) {
    auto ownPoke = contract.poke;
    // Where placeBars puts the windows of any instance of this device.
    DeviceBench bench;
    std::unique_ptr<Device> probe = contract.make(bench);
    PciWindows windows = placeBars(bench, static_cast<PciDevice&>(*probe));
    probe.reset();
    contract.ports.insert(contract.ports.end(), windows.ports.begin(), windows.ports.end());
    contract.memory.insert(contract.memory.end(), windows.memory.begin(), windows.memory.end());
    contract.poke = [ownPoke](DeviceBench& b, Device& device, std::mt19937_64& random) {
        auto& pci = static_cast<PciDevice&>(device);
        if (ownPoke && random() % 2) {
            ownPoke(b, device, random);
            return;
        }
        if (random() % 8 == 0) {
            placeBars(b, pci);
            return;
        }
        MutexLocker locker(b.lock);
        unsigned sizeBytes = 1u << random() % 3;
        uint64_t limit = random() % 8 ? 0x100 : PciDevice::kConfigBytes;
        auto offset = static_cast<uint16_t>(random() % limit & ~uint64_t{sizeBytes - 1});
        if (random() % 3)
            pci.readConfig(offset, sizeBytes);
        else
            pci.writeConfig(offset, sizeBytes, static_cast<uint32_t>(interestingValue(random)));
    };
    return checkDeviceContract(contract);
}

} // namespace vivarium::test
