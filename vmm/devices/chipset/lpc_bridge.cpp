#include "vmm/devices/chipset/lpc_bridge.h"

#include "vmm/base/bytes.h"

namespace vivarium {

namespace {
// ICH9 datasheet (Intel 316972), 13.1: LPC interface configuration registers.
constexpr uint16_t kPmBase = 0x40;
constexpr uint16_t kAcpiControl = 0x44;
constexpr uint16_t kGpioBase = 0x48;
constexpr uint16_t kGpioControl = 0x4C;
constexpr uint16_t kPirqRouteLow = 0x60; // A..D
constexpr uint16_t kSerialIrqControl = 0x64;
constexpr uint16_t kPirqRouteHigh = 0x68; // E..H
constexpr uint16_t kIoDecode = 0x80;
constexpr uint16_t kLpcEnables = 0x82;
constexpr uint16_t kGenericDecode = 0x84; // four doublewords
constexpr uint16_t kPmConfig1 = 0xA0;
constexpr uint16_t kPmConfig3 = 0xA4;
constexpr uint16_t kFirmwareHubDecode = 0xD8;
constexpr uint16_t kBiosControl = 0xDC;
constexpr uint16_t kRootComplexBar = 0xF0;

constexpr uint32_t kPmBaseMask = 0x0000FF80;
constexpr uint8_t kAcpiEnable = 0x80;
constexpr uint8_t kRouteOff = 0x80;
constexpr uint32_t kRootComplexMask = 0xFFFFC000;
constexpr uint32_t kRootComplexEnable = 1;
// The lines a PIRQ may drive: not 0, 1, 2, 8 and 13 (13.1.9).
constexpr uint16_t kRoutableLines = 0xDEF8;

// Root complex registers that software looks at (10.1).
constexpr uint64_t kOtherInterruptControl = 0x31FF - 0x31FF % 4;
constexpr uint64_t kHpetConfig = 0x3404;
constexpr uint64_t kGeneralControl = 0x3410;

constexpr int kChipsetPriority = 10;
} // namespace

LpcBridge::LpcBridge(PortBus& ports, MemoryMap& memoryMap, InterruptSink& lines, AcpiPm& pm,
                     ChipsetStart start)
    : PciDevice("lpc", kAddress,
                {.vendorId = 0x8086,
                 .deviceId = 0x2918,
                 .classCode = 0x060100,
                 .revision = 2,
                 .multifunction = true},
                {ports, memoryMap, lines, *this}),
      m_memoryMap(memoryMap), m_pm(pm) {
    bool programmed = start == ChipsetStart::Programmed;
    // I/O, memory and bus mastering cannot be switched off (13.1.3).
    setConfig16(0x04, 0x0007, 0x0140);
    setConfig32(kPmBase, programmed ? chipset::kPmBase | 1 : 1, kPmBaseMask);
    setConfig8(kAcpiControl, programmed ? kAcpiEnable : 0, kAcpiEnable | 0x07);
    setConfig32(kGpioBase, 1, 0x0000FF80);
    setConfig8(kGpioControl, 0, 0x11);
    for (uint16_t i = 0; i < 4; ++i) {
        setConfig8(static_cast<uint16_t>(kPirqRouteLow + i), kRouteOff, 0x8F);
        setConfig8(static_cast<uint16_t>(kPirqRouteHigh + i), kRouteOff, 0x8F);
        setConfig32(static_cast<uint16_t>(kGenericDecode + 4 * i), 0, 0x00FCFFFD);
    }
    setConfig8(kSerialIrqControl, 0x10, 0xFF);
    setConfig16(kIoDecode, 0, 0x1377);
    setConfig16(kLpcEnables, 0, 0x3F0F);
    setConfig16(kPmConfig1, 0, 0xFFFF);
    setConfig8(kPmConfig3, 0, 0xC1);
    setConfig32(kFirmwareHubDecode, 0x0000FFCF, 0x0000FFCF);
    setConfig8(kBiosControl, 0, 0x1F);
    setConfig32(kRootComplexBar, programmed ? chipset::kRootComplexBase | kRootComplexEnable : 0,
                kRootComplexMask | kRootComplexEnable);
    for (uint32_t i = 0; i < kPirqs; ++i)
        m_gsiLines.emplace_back(lines, kFirstGsi + i);
    for (uint32_t line = 0; line < 16; ++line)
        m_isaLines.emplace_back(lines, line);
    updateDecoding();
}

// --- Interrupt routing ----------------------------------------------------------------------

unsigned LpcBridge::pirqOf(PciAddress source, uint8_t pin) {
    unsigned index = pin - 1u;
    return source.device < 25 ? 4 + (source.device + index) % 4 : index % 4;
}

void LpcBridge::setIntx(PciAddress source, uint8_t pin, bool asserted) {
    if (pin < 1 || pin > 4)
        return;
    m_asserted[pirqOf(source, pin)].set(source.devfn() * 4u + pin - 1, asserted);
    updateLines();
}

// The ISA line that the PIRQ's routing register selects, if it is one that can be driven.
std::optional<unsigned> LpcBridge::isaLineOf(unsigned pirq) const {
    uint8_t route = config()[pirq < 4 ? kPirqRouteLow + pirq : kPirqRouteHigh + pirq - 4];
    unsigned line = route & 0x0F;
    if (route & kRouteOff || !(kRoutableLines >> line & 1))
        return std::nullopt;
    return line;
}

void LpcBridge::updateLines() {
    uint16_t isa = 0;
    for (unsigned pirq = 0; pirq < kPirqs; ++pirq) {
        bool asserted = m_asserted[pirq].any();
        m_gsiLines[pirq].set(asserted);
        if (auto line = isaLineOf(pirq); line && asserted)
            isa |= static_cast<uint16_t>(1u << *line);
    }
    for (unsigned line = 0; line < m_isaLines.size(); ++line)
        m_isaLines[line].set(isa >> line & 1);
}

// --- Configuration --------------------------------------------------------------------------

void LpcBridge::writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
    PciDevice::writeConfig(offset, sizeBytes, value);
    updateDecoding();
    updateLines();
}

void LpcBridge::updateDecoding() {
    auto pmBase = static_cast<uint16_t>(loadLe<uint32_t>(&config()[kPmBase]) & kPmBaseMask);
    bool acpi = config()[kAcpiControl] & kAcpiEnable && pmBase != 0;
    m_pm.setBase(acpi ? std::optional(pmBase) : std::nullopt);

    auto bar = loadLe<uint32_t>(&config()[kRootComplexBar]);
    uint32_t base = bar & kRootComplexEnable ? bar & kRootComplexMask : 0;
    if (base == m_rootComplexBase)
        return;
    m_rootComplexBase = base;
    MemoryMap::Batch batch(m_memoryMap);
    m_rootComplex.reset();
    if (base == 0)
        return;
    MemoryRegion region;
    region.name = "root-complex";
    region.base = base;
    region.sizeBytes = chipset::kRootComplexBytes;
    region.handler = ioHandler<&LpcBridge::readRootComplex, &LpcBridge::writeRootComplex>(this);
    region.priority = kChipsetPriority;
    auto mapping = m_memoryMap.map(std::move(region));
    if (mapping)
        m_rootComplex = std::move(*mapping);
}

// Fixed values: the machine's wiring cannot be changed, and the TCO watchdog is strapped off.
uint64_t LpcBridge::readRootComplex(uint64_t offset, unsigned sizeBytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeBytes; ++i) {
        uint64_t at = offset + i;
        uint32_t word = 0;
        switch (at & ~uint64_t{3}) {
        case kOtherInterruptControl:
            word = 0x0100'0000;
            break; // 0x31FF: IOAPIC at FEC00000 on
        case kHpetConfig:
            word = 0x80;
            break; // HPET at FED00000 on
        case kGeneralControl:
            word = 0x20;
            break; // no reboot by the watchdog
        default:
            break;
        }
        value |= uint64_t{word >> (8 * (at & 3)) & 0xFF} << (8 * i);
    }
    return value;
}

// --- Reset, restore -------------------------------------------------------------------------

void LpcBridge::reset() {
    PciDevice::reset();
    updateDecoding();
    updateLines(); // the wires from the devices keep their level until those are reset
}

Result<void> LpcBridge::restore(StateReader& reader) {
    auto result = PciDevice::restore(reader);
    updateDecoding();
    updateLines();
    return result;
}

} // namespace vivarium
