#include "vmm/devices/chipset/host_bridge.h"

#include "vmm/base/bytes.h"

#include <cassert>

namespace vivarium {

namespace {
// Q35 datasheet (Intel 316966), 5.1: DRAM controller registers.
constexpr uint16_t kEgressPortBar = 0x40;
constexpr uint16_t kMchBar = 0x48;
constexpr uint16_t kGraphicsControl = 0x52;
constexpr uint16_t kDeviceEnable = 0x54;
constexpr uint16_t kPciExpressBar = 0x60;
constexpr uint16_t kDmiBar = 0x68;
constexpr uint16_t kPam0 = 0x90;
constexpr uint16_t kPamCount = 7;
constexpr uint16_t kLegacyAccess = 0x97;
constexpr uint16_t kRemapBase = 0x98;
constexpr uint16_t kRemapLimit = 0x9A;
constexpr uint16_t kSmram = 0x9D;
constexpr uint16_t kExtendedSmram = 0x9E;
constexpr uint16_t kTopOfMemory = 0xA0;
constexpr uint16_t kTopOfUpperDram = 0xA2;
constexpr uint16_t kTopOfLowerDram = 0xB0;

// SMRAM locked, closed, at 0xA0000: a guest finds system management mode taken.
constexpr uint8_t kSmramLocked = 0x12;
constexpr uint64_t kPciExpressBarMask = 0xFFC000007; // bits 35:26, length and enable
constexpr uint64_t kPciExpressBarEnable = 1;

constexpr GuestAddress kShadowBase = 0xC0000;
constexpr GuestAddress kShadowEnd = 0x100000;
constexpr GuestAddress kFirmwareAliasBase = 0xE0000;
constexpr uint64_t kSegmentBytes = 0x4000;
constexpr unsigned kFirmwareSegment = 12; // 0xF0000..0xFFFFF
constexpr int kChipsetPriority = 10;
} // namespace

HostBridge::HostBridge(PciServices services, PciBus& bus, const HostBridgeConfig& config)
    : PciDevice("mch", kAddress,
                {.vendorId = 0x8086, .deviceId = 0x29C0, .classCode = 0x060000, .revision = 2},
                services),
      m_bus(bus), m_memoryMap(services.memoryMap), m_memory(config.memory),
      m_firmwareTail(config.firmwareTail) {
    assert(m_firmwareTail.empty() || m_firmwareTail.size() == kShadowEnd - kFirmwareAliasBase);
    bool programmed = config.start == ChipsetStart::Programmed;
    // A host bridge always decodes memory and masters the bus (datasheet, 5.1.3).
    setConfig16(0x04, 0x0006, 0x0140);
    for (uint16_t bar : {kEgressPortBar, kMchBar, kDmiBar}) { // stored, nothing behind them
        setConfig32(bar, 0, 0xFFFFC001);
        setConfig32(static_cast<uint16_t>(bar + 4), 0, 0xF);
    }
    setConfig16(kGraphicsControl, 0x0030, 0x03F0);
    setConfig32(kDeviceEnable, 0x000003DB, 0x00000000);
    uint64_t window = chipset::kEcamBase | (programmed ? kPciExpressBarEnable : 0);
    setConfig32(kPciExpressBar, static_cast<uint32_t>(programmed ? window : 0xE0000000),
                static_cast<uint32_t>(kPciExpressBarMask));
    setConfig32(kPciExpressBar + 4, 0, static_cast<uint32_t>(kPciExpressBarMask >> 32));
    for (uint16_t i = 0; i < kPamCount; ++i) {
        uint8_t mask = i == 0 ? 0x30 : 0x33;
        setConfig8(static_cast<uint16_t>(kPam0 + i), programmed ? mask : 0, mask);
    }
    setConfig8(kLegacyAccess, 0, 0x87);
    setConfig16(kRemapBase, 0x03FF, 0x03FF);
    setConfig16(kRemapLimit, 0, 0x03FF);
    setConfig8(kSmram, kSmramLocked);
    setConfig8(kExtendedSmram, 0x38);
    uint64_t end = m_memory.ranges().back().base + m_memory.ranges().back().sizeBytes;
    setConfig16(kTopOfMemory, static_cast<uint16_t>(m_memory.sizeBytes() >> 26), 0x03FF);
    setConfig16(kTopOfUpperDram, static_cast<uint16_t>(end >> 20), 0xFFFF);
    setConfig16(kTopOfLowerDram, static_cast<uint16_t>(m_memory.lowEnd() >> 20 << 4), 0xFFF0);
    for (unsigned i = 0; i < kSegments; ++i)
        m_segments[i] = {this, segmentBase(i)};
    updateShadow();
    updateWindow();
}

void HostBridge::writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
    PciDevice::writeConfig(offset, sizeBytes, value);
    updateShadow();
    updateWindow();
}

void HostBridge::reset() {
    PciDevice::reset();
    updateShadow();
    updateWindow();
}

Result<void> HostBridge::restore(StateReader& reader) {
    auto result = PciDevice::restore(reader);
    updateShadow();
    updateWindow();
    return result;
}

// --- 0xC0000..0xFFFFF -----------------------------------------------------------------------

GuestAddress HostBridge::segmentBase(unsigned index) {
    return kShadowBase + index * kSegmentBytes; // the end, for index kSegments, is handled below
}

// The segment's read and write enable (datasheet, 5.1.19: PAM0 bits 5:4 are 0xF0000, PAM1..6 hold
// two segments each, the lower one in bits 1:0).
uint8_t HostBridge::segmentAccess(unsigned index) const {
    if (index == kFirmwareSegment)
        return config()[kPam0] >> 4 & 3;
    uint8_t pam = config()[kPam0 + 1 + index / 2];
    return static_cast<uint8_t>(index % 2 ? pam >> 4 : pam) & 3;
}

// What the firmware chip shows at `address`; null where it does not reach.
uint8_t* HostBridge::firmwareAt(GuestAddress address) const {
    if (m_firmwareTail.empty() || address < kFirmwareAliasBase)
        return nullptr;
    return m_firmwareTail.data() + (address - kFirmwareAliasBase);
}

void HostBridge::updateShadow() {
    std::array<uint8_t, kSegments> access{};
    for (unsigned i = 0; i < kSegments; ++i)
        access[i] = segmentAccess(i);
    if (m_mappedAccess == access)
        return;
    m_mappedAccess = access;
    MemoryMap::Batch batch(m_memoryMap);
    m_shadow.clear();
    for (unsigned first = 0; first < kSegments;) {
        // Neighbours of one kind are one region, so that a CPU needs few memory slots; write-only
        // ones stay single because their handler knows its segment.
        unsigned last = first;
        bool single = access[first] == kWriteEnable;
        auto firmware = [&](unsigned i) { return firmwareAt(segmentBase(i)) != nullptr; };
        while (!single && last + 1 < kSegments && access[last + 1] == access[first] &&
               (access[first] != 0 || firmware(last + 1) == firmware(first)))
            ++last;
        mapRun(first, last);
        first = last + 1;
    }
}

void HostBridge::mapRun(unsigned first, unsigned last) {
    GuestAddress base = segmentBase(first);
    GuestAddress end = last + 1 < kSegments ? segmentBase(last + 1) : kShadowEnd;
    auto ram = m_memory.view(base, end - base);
    assert(ram); // every machine has RAM in its first MiB
    MemoryRegion region;
    region.name = "shadow";
    region.base = base;
    region.sizeBytes = end - base;
    switch (segmentAccess(first)) {
    case kReadEnable | kWriteEnable:
        region.kind = MemoryKind::Ram;
        region.host = ram->data();
        break;
    case kReadEnable:
        region.kind = MemoryKind::Rom;
        region.host = ram->data();
        break;
    case kWriteEnable: // reads go to the firmware or to nothing, writes to RAM
        region.host = firmwareAt(base);
        region.kind = region.host ? MemoryKind::Rom : MemoryKind::Mmio;
        region.handler = ioHandler<&Segment::read, &Segment::write>(&m_segments[first]);
        break;
    default:
        region.host = firmwareAt(base);
        if (!region.host)
            return;
        region.kind = MemoryKind::Rom;
        break;
    }
    auto mapping = m_memoryMap.map(std::move(region));
    if (mapping)
        m_shadow.push_back(std::move(*mapping));
}

uint64_t HostBridge::Segment::read(uint64_t, unsigned sizeBytes) {
    return accessMask(sizeBytes); // nobody answers
}

void HostBridge::Segment::write(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    uint8_t bytes[8];
    storeLe<uint64_t>(bytes, value);
    // Inside the segment, which is RAM: cannot fail.
    (void)bridge->m_memory.write(base + offset, ConstByteSpan(bytes, sizeBytes));
}

// --- Configuration window -------------------------------------------------------------------

void HostBridge::updateWindow() {
    auto bar = loadLe<uint64_t>(&config()[kPciExpressBar]);
    // Datasheet, 5.1.15: length 256, 128, 64 MiB; 3 is reserved.
    unsigned length = bar >> 1 & 3;
    uint64_t sizeBytes =
        length == 3 || !(bar & kPciExpressBarEnable) ? 0 : PciBus::kEcamBytes >> length;
    uint64_t base = bar & kPciExpressBarMask & ~(sizeBytes - 1);
    if (sizeBytes == 0)
        base = 0;
    if (base == m_windowBase && sizeBytes == m_windowBytes)
        return;
    m_windowBase = base;
    m_windowBytes = sizeBytes;
    MemoryMap::Batch batch(m_memoryMap);
    m_window.reset();
    if (sizeBytes == 0)
        return;
    MemoryRegion region;
    region.name = "ecam";
    region.base = base;
    region.sizeBytes = sizeBytes;
    region.handler = m_bus.ecamHandler();
    region.priority = kChipsetPriority;
    auto mapping = m_memoryMap.map(std::move(region));
    if (mapping)
        m_window = std::move(*mapping);
}

} // namespace vivarium
