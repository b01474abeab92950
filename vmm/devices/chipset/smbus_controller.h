#pragma once

#include "vmm/devices/pci/pci_device.h"

#include <array>
#include <cstdint>

namespace vivarium {

// ICH9 SMBus host controller, 8086:2930 at 00:1f.3, with no device on its bus: every transaction
// ends at once with a device error. Device lock.
class SmbusController final : public PciDevice {
public:
    static constexpr PciAddress kAddress{31, 3};

    explicit SmbusController(PciServices services);

    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint8_t status = 0;
        uint8_t control = 0;
        std::array<uint8_t, 6> data{}; // command, address, data 0, data 1, block data, check byte
        uint8_t auxiliaryControl = 0;
        std::array<uint8_t, 32> block{};
        uint8_t blockIndex = 0; // below 32
    };
    uint8_t readRegister(uint64_t offset);
    void writeRegister(uint64_t offset, uint8_t value);
    void updateInterrupt();

    State m_state;
};

} // namespace vivarium
