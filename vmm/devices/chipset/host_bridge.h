#pragma once

#include "vmm/devices/chipset/chipset_start.h"
#include "vmm/devices/pci/pci_bus.h"
#include "vmm/devices/pci/pci_device.h"
#include "vmm/memory/guest_memory.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace vivarium {

struct HostBridgeConfig {
    const GuestMemory& memory;
    // The firmware's last 128 KiB (FirmwareRom::tail or the flash's end), page-aligned, borrowed;
    // empty without firmware.
    ByteSpan firmwareTail;
    ChipsetStart start = ChipsetStart::ColdReset;
};

// Q35 memory controller hub, 8086:29C0 at 00:00.0: decides what is seen at 0xC0000..0xFFFFF (PAM)
// and where the PCI Express configuration window lies. SMRAM is locked: there is no SMM. Maps
// 0xC0000..0xFFFFF itself; the rest of RAM is the machine's to map. Device lock.
class HostBridge final : public PciDevice {
public:
    static constexpr PciAddress kAddress{0, 0};

    // `bus` outlives the bridge; the caller adds the bridge to it.
    HostBridge(PciServices services, PciBus& bus, const HostBridgeConfig& config);

    void writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) override;
    void reset() override;
    Result<void> restore(StateReader& reader) override;

private:
    // 0xC0000..0xEFFFF in 16 KiB segments, 0xF0000..0xFFFFF in one.
    static constexpr unsigned kSegments = 13;
    static constexpr uint8_t kReadEnable = 1, kWriteEnable = 2;
    struct Segment { // target of writes to a write-only segment
        HostBridge* bridge = nullptr;
        GuestAddress base = 0;
        uint64_t read(uint64_t offset, unsigned sizeBytes);
        void write(uint64_t offset, unsigned sizeBytes, uint64_t value);
    };

    static GuestAddress segmentBase(unsigned index);
    uint8_t segmentAccess(unsigned index) const;
    uint8_t* firmwareAt(GuestAddress address) const;
    void updateShadow();
    void updateWindow();
    void mapRun(unsigned first, unsigned last);

    PciBus& m_bus;
    MemoryMap& m_memoryMap;
    const GuestMemory& m_memory;
    ByteSpan m_firmwareTail;
    std::array<Segment, kSegments> m_segments;
    std::optional<std::array<uint8_t, kSegments>> m_mappedAccess; // what m_shadow shows
    std::vector<MemoryMapping> m_shadow;
    uint64_t m_windowBase = 0, m_windowBytes = 0; // 0 bytes: not decoded
    MemoryMapping m_window;
};

} // namespace vivarium
