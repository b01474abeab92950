#pragma once

#include "vmm/base/bytes.h"
#include "vmm/bus/device.h"
#include "vmm/bus/port_bus.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

// Numbers of the items that firmware reads without looking into the directory.
namespace firmware_key {
constexpr uint16_t kSignature = 0x00;      // "QEMU", present
constexpr uint16_t kFeatures = 0x01;       // present
constexpr uint16_t kUuid = 0x02;           // 16 bytes
constexpr uint16_t kRamBytes = 0x03;       // u64
constexpr uint16_t kCpuCount = 0x05;       // u16: processors that answer at start
constexpr uint16_t kBootMenu = 0x0E;       // u16: 1 offers a boot menu
constexpr uint16_t kMaxCpus = 0x0F;        // u16: highest APIC id plus one
constexpr uint16_t kKernelAddress = 0x07;  // 0x07..0x18: direct kernel boot by firmware
constexpr uint16_t kDirectory = 0x19;      // present
constexpr uint16_t kIrq0Override = 0x8002; // u8: 1, the timer is IOAPIC pin 2 (MP table)
} // namespace firmware_key

// The firmware configuration device ("fw_cfg") that SeaBIOS and OVMF read: numbered items and named
// files, by ports 0x510 (selector), 0x511 (data) and by DMA (0x514, 0x518). Items are added while
// building the machine and never change; the guest cannot write any. Device lock.
class FirmwareConfig final : public Device {
public:
    static constexpr size_t kMaxFiles = 128;
    static constexpr size_t kMaxNameBytes = 55;
    static constexpr size_t kMaxItemBytes = 1 << 30;

    // Errors: Busy (ports).
    static Result<std::unique_ptr<FirmwareConfig>> create(PortBus& ports,
                                                          const GuestMemory& memory);

    // Errors: AlreadyExists, LimitExceeded (size), InvalidArgument (`key` is a file's, 0x20..0x9F).
    Result<void> addItem(uint16_t key, std::vector<uint8_t> bytes);
    // Errors: AlreadyExists, LimitExceeded (size, kMaxFiles), InvalidArgument (name).
    Result<void> addFile(const std::string& name, std::vector<uint8_t> bytes);

    // A little-endian integer as an item's or a file's bytes.
    template <class T>
    static std::vector<uint8_t> bytesOf(T value) {
        std::vector<uint8_t> bytes(sizeof(T));
        storeLe<T>(bytes.data(), value);
        return bytes;
    }

    std::string_view name() const override { return "fw-cfg"; }
    void reset() override { m_state = {}; }
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint16_t selector = 0;
        uint32_t offset = 0;  // of the next byte of the selected item
        uint32_t dmaHigh = 0; // upper half of the DMA descriptor's address
    };

    explicit FirmwareConfig(const GuestMemory& memory);
    ConstByteSpan selectedItem() const;
    void select(uint16_t key);
    uint8_t readByte();
    uint64_t readPort(uint64_t offset, unsigned sizeBytes);
    void writePort(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readDma(uint64_t offset, unsigned sizeBytes);
    void writeDma(uint64_t offset, unsigned sizeBytes, uint64_t value);
    void runDma(GuestAddress descriptor);
    bool transfer(uint32_t control, uint32_t lengthBytes, GuestAddress address);
    void rebuildDirectory();

    const GuestMemory& m_memory;
    std::map<uint16_t, std::vector<uint8_t>> m_items;
    std::map<std::string, std::vector<uint8_t>> m_files; // keys follow the order of names
    std::vector<const std::vector<uint8_t>*> m_fileByIndex;
    PortMapping m_ports, m_dmaPorts;
    State m_state;
};

} // namespace vivarium
