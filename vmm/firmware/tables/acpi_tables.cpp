#include "vmm/firmware/tables/acpi_tables.h"

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/firmware/tables/aml_writer.h"
#include "vmm/firmware/tables/dsdt.h"
#include "vmm/firmware/tables/table_loader.h"
#include "vmm/firmware/tables/table_set.h"

#include <algorithm>

namespace vivarium {

namespace {
// The chipset's fixed places and numbers; vmm/devices/chipset serves them.
constexpr uint16_t kPmBase = 0x600;
constexpr uint16_t kSciInterrupt = 9;
constexpr uint16_t kSmiCommandPort = 0xB2;
constexpr uint8_t kAcpiEnable = 0x02;
constexpr uint8_t kAcpiDisable = 0x03;
constexpr uint16_t kResetPort = 0xCF9;
constexpr uint8_t kResetValue = 0x0F;
constexpr uint8_t kCmosCentury = 0x32;
constexpr uint32_t kLocalApicBase = 0xFEE00000;
constexpr uint32_t kIoApicBase = 0xFEC00000;
constexpr uint64_t kHpetBase = 0xFED00000;
constexpr uint32_t kHpetBlockId = 0x8086A201;

// FADT flags (ACPI 6.4, table 5.10).
constexpr uint32_t kFadtWbinvd = 1 << 0;
constexpr uint32_t kFadtC1Everywhere = 1 << 2;
constexpr uint32_t kFadtNoFixedSleepButton = 1 << 5;
constexpr uint32_t kFadtNoFixedRtcWake = 1 << 6;
constexpr uint32_t kFadtResetRegister = 1 << 10;
constexpr uint32_t kFadtPlatformClock = 1 << 15;
constexpr uint32_t kFadtApicCluster = 1 << 18;
constexpr uint16_t kBootArchLegacyDevices = 1 << 0;
constexpr uint16_t kBootArch8042 = 1 << 1;

constexpr uint8_t kAddressSpaceMemory = 0;
constexpr uint8_t kAddressSpaceIo = 1;

void genericAddress(TableSet& set, uint8_t space, uint8_t bitWidth, uint8_t accessSize,
                    uint64_t address) { // ACPI 6.4, 5.2.3.2
    set.u8(space);
    set.u8(bitWidth);
    set.u8(0);
    set.u8(accessSize);
    set.u64(address);
}

uint32_t addFacs(TableSet& set) { // ACPI 6.4, 5.2.10: no checksum
    uint32_t offset = set.align(64);
    const uint8_t signature[] = {'F', 'A', 'C', 'S'};
    set.bytes(signature);
    set.u32(64);
    set.zeros(64 - 8);
    return offset;
}

uint32_t addFadt(TableSet& set, const PlatformDescription& platform, uint32_t facs, uint32_t dsdt) {
    uint32_t offset = set.begin("FACP", 3);
    set.pointer32(facs);
    set.pointer32(dsdt);
    set.u8(0);
    set.u8(1); // preferred profile: desktop
    set.u16(kSciInterrupt);
    set.u32(kSmiCommandPort);
    set.u8(kAcpiEnable);
    set.u8(kAcpiDisable);
    set.u8(0);        // S4BIOS
    set.u8(0);        // P-states
    set.u32(kPmBase); // PM1a events
    set.u32(0);
    set.u32(kPmBase + 4); // PM1a control
    set.u32(0);
    set.u32(0);              // PM2 control
    set.u32(kPmBase + 8);    // PM timer
    set.u32(kPmBase + 0x20); // general-purpose events
    set.u32(0);
    set.u8(4);
    set.u8(2);
    set.u8(0);
    set.u8(4);
    set.u8(16);
    set.u8(0);
    set.u8(0);       // GPE1 base
    set.u8(0);       // C-states
    set.u16(0x0FFF); // no C2
    set.u16(0x0FFF); // no C3
    set.u16(0);
    set.u16(0);
    set.u8(0);
    set.u8(0);
    set.u8(0); // day alarm
    set.u8(0); // month alarm
    set.u8(kCmosCentury);
    set.u16(kBootArchLegacyDevices | kBootArch8042);
    set.u8(0);
    uint32_t flags = kFadtWbinvd | kFadtC1Everywhere | kFadtNoFixedSleepButton |
                     kFadtNoFixedRtcWake | kFadtResetRegister | kFadtPlatformClock;
    if (platform.apicIds.size() > 8) // logical flat mode reaches eight processors
        flags |= kFadtApicCluster;
    set.u32(flags);
    genericAddress(set, kAddressSpaceIo, 8, 1, kResetPort);
    set.u8(kResetValue);
    set.u16(0); // ARM boot flags
    set.u8(0);  // minor revision
    set.pointer64(facs);
    set.pointer64(dsdt);
    genericAddress(set, kAddressSpaceIo, 32, 2, kPmBase);
    genericAddress(set, kAddressSpaceIo, 0, 0, 0);
    genericAddress(set, kAddressSpaceIo, 16, 2, kPmBase + 4);
    genericAddress(set, kAddressSpaceIo, 0, 0, 0);
    genericAddress(set, kAddressSpaceIo, 0, 0, 0);
    genericAddress(set, kAddressSpaceIo, 32, 3, kPmBase + 8);
    genericAddress(set, kAddressSpaceIo, 128, 1, kPmBase + 0x20);
    genericAddress(set, kAddressSpaceIo, 0, 0, 0);
    set.end();
    return offset;
}

uint32_t addMadt(TableSet& set, const PlatformDescription& platform) { // ACPI 6.4, 5.2.12
    uint32_t offset = set.begin("APIC", 3);
    set.u32(kLocalApicBase);
    set.u32(1); // the PICs are there too
    bool wide = false;
    for (uint32_t uid = 0; uid < platform.apicIds.size(); ++uid) {
        uint32_t apicId = platform.apicIds[uid];
        if (apicId < 255 && uid < 255) {
            set.u8(0); // processor local APIC
            set.u8(8);
            set.u8(static_cast<uint8_t>(uid));
            set.u8(static_cast<uint8_t>(apicId));
            set.u32(1);
        } else {
            wide = true;
            set.u8(9); // processor local x2APIC
            set.u8(16);
            set.u16(0);
            set.u32(apicId);
            set.u32(1);
            set.u32(uid);
        }
    }
    set.u8(1); // IOAPIC
    set.u8(12);
    set.u8(0);
    set.u8(0);
    set.u32(kIoApicBase);
    set.u32(0);
    auto override = [&](uint8_t isaLine, uint32_t gsi, uint16_t flags) {
        set.u8(2);
        set.u8(10);
        set.u8(0);
        set.u8(isaLine);
        set.u32(gsi);
        set.u16(flags);
    };
    override(0, 2, 0);                              // the timer, as every PC wires it
    override(kSciInterrupt, kSciInterrupt, 0x000D); // level, active high
    set.u8(4);                                      // NMI on LINT1 of all processors
    set.u8(6);
    set.u8(0xFF);
    set.u16(0);
    set.u8(1);
    if (wide) {
        set.u8(10); // likewise for x2APICs
        set.u8(12);
        set.u16(0);
        set.u32(0xFFFFFFFF);
        set.u8(1);
        set.zeros(3);
    }
    set.end();
    return offset;
}

uint32_t addHpet(TableSet& set) { // IA-PC HPET 1.0a, 3.2.4
    uint32_t offset = set.begin("HPET", 1);
    set.u32(kHpetBlockId);
    genericAddress(set, kAddressSpaceMemory, 64, 0, kHpetBase);
    set.u8(0);
    set.u16(100); // shortest periodic interval in ticks that loses nothing
    set.u8(0);
    set.end();
    return offset;
}

uint32_t addMcfg(TableSet& set, const PlatformDescription& platform) { // PCI Firmware 3.2, 4.1.2
    uint32_t offset = set.begin("MCFG", 1);
    set.u64(0);
    set.u64(platform.ecamBase);
    set.u16(0);
    set.u8(0);
    set.u8(static_cast<uint8_t>((platform.ecamBytes >> 20) - 1));
    set.u32(0);
    set.end();
    return offset;
}

// Tells Windows that the PM timer needs no second read (Windows ACPI Emulated Devices Table).
uint32_t addWaet(TableSet& set) {
    uint32_t offset = set.begin("WAET", 1);
    set.u32(1 << 1);
    set.end();
    return offset;
}

// The processors; everything else is in the DSDT.
uint32_t addSsdt(TableSet& set, const PlatformDescription& platform) {
    AmlWriter aml;
    aml.beginScope("\\_SB");
    for (uint32_t uid = 0; uid < platform.apicIds.size() && uid < 0x1000; ++uid) {
        aml.beginDevice(formatText("C%03X", uid));
        aml.nameString("_HID", "ACPI0007");
        aml.nameInteger("_UID", uid);
        aml.end();
    }
    aml.end();
    uint32_t offset = set.begin("SSDT", 2);
    set.bytes(aml.bytes());
    set.end();
    return offset;
}

struct Roots {
    uint32_t rsdt;
    uint32_t xsdt;
};

Roots addTables(TableSet& set, const PlatformDescription& platform) {
    uint32_t facs = addFacs(set);
    uint32_t dsdt = set.add(dsdtTable(platform));
    std::vector<uint32_t> tables{addFadt(set, platform, facs, dsdt), addSsdt(set, platform),
                                 addMadt(set, platform), addMcfg(set, platform), addWaet(set)};
    if (platform.hpet == PlatformDescription::HpetPresence::Present)
        tables.push_back(addHpet(set));
    Roots roots{};
    roots.rsdt = set.begin("RSDT", 1);
    for (uint32_t table : tables)
        set.pointer32(table);
    set.end();
    roots.xsdt = set.begin("XSDT", 1);
    for (uint32_t table : tables)
        set.pointer64(table);
    set.end();
    return roots;
}

// ACPI 6.4, 5.2.5.3. Pointers hold offsets into the table block, checksums are 0.
constexpr uint32_t kRsdpBytes = 36;
constexpr uint32_t kRsdpChecksum = 8;
constexpr uint32_t kRsdpRsdt = 16;
constexpr uint32_t kRsdpXsdt = 24;
constexpr uint32_t kRsdpExtendedChecksum = 32;
constexpr uint32_t kRsdpFirstPartBytes = 20;

std::vector<uint8_t> buildRsdp(const Roots& roots) {
    std::vector<uint8_t> rsdp(kRsdpBytes);
    constexpr std::string_view kSignature = "RSD PTR ";
    constexpr std::string_view kOemId = "VIVARM";
    std::copy(kSignature.begin(), kSignature.end(), rsdp.begin());
    std::copy(kOemId.begin(), kOemId.end(), rsdp.begin() + 9);
    rsdp[15] = 2; // revision
    storeLe<uint32_t>(&rsdp[kRsdpRsdt], roots.rsdt);
    storeLe<uint32_t>(&rsdp[20], kRsdpBytes);
    storeLe<uint64_t>(&rsdp[kRsdpXsdt], roots.xsdt);
    return rsdp;
}
} // namespace

AcpiFiles buildAcpiFiles(const PlatformDescription& platform) {
    const std::string tablesFile = "etc/acpi/tables";
    const std::string rsdpFile = "etc/acpi/rsdp";
    TableSet set;
    Roots roots = addTables(set, platform);
    TableLoader loader;
    loader.allocate(tablesFile, 64, TableLoader::Zone::High);
    loader.allocate(rsdpFile, 16, TableLoader::Zone::FirmwareSegment);
    for (const TableSet::Pointer& pointer : set.pointers())
        loader.addPointer(tablesFile, tablesFile, pointer.offset, pointer.sizeBytes);
    for (const TableSet::Checksum& checksum : set.checksums())
        loader.addChecksum(tablesFile, checksum.offset, checksum.start, checksum.sizeBytes);
    loader.addPointer(rsdpFile, tablesFile, kRsdpRsdt, 4);
    loader.addPointer(rsdpFile, tablesFile, kRsdpXsdt, 8);
    loader.addChecksum(rsdpFile, kRsdpChecksum, 0, kRsdpFirstPartBytes);
    loader.addChecksum(rsdpFile, kRsdpExtendedChecksum, 0, kRsdpBytes);
    return {set.block(), buildRsdp(roots), loader.file()};
}

Result<GuestAddress> writeAcpiTables(const PlatformDescription& platform, const GuestMemory& memory,
                                     GuestAddress base, uint64_t spaceBytes) {
    if (base % 16 != 0)
        return fail(ErrorCode::InvalidArgument, "ACPI tables: the address is not aligned");
    TableSet set;
    Roots roots = addTables(set, platform);
    GuestAddress tables = alignUp(base + kRsdpBytes, 64);
    if (!rangeFits(tables - base, set.size(), spaceBytes))
        return fail(ErrorCode::LimitExceeded,
                    "ACPI tables: " + std::to_string(set.size()) + " bytes do not fit");
    if (tables + set.size() > uint64_t{1} << 32)
        return fail(ErrorCode::InvalidArgument, "ACPI tables must lie below 4 GiB");
    std::vector<uint8_t> rsdp = buildRsdp(roots);
    storeLe<uint32_t>(&rsdp[kRsdpRsdt], static_cast<uint32_t>(tables + roots.rsdt));
    storeLe<uint64_t>(&rsdp[kRsdpXsdt], tables + roots.xsdt);
    rsdp[kRsdpChecksum] = checksumOf(ConstByteSpan(rsdp).first(kRsdpFirstPartBytes));
    rsdp[kRsdpExtendedChecksum] = checksumOf(rsdp);
    if (!memory.write(tables, set.linkedAt(tables)) || !memory.write(base, rsdp))
        return fail(ErrorCode::InvalidArgument, "ACPI tables: no RAM at their address");
    return base;
}

} // namespace vivarium
