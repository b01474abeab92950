#include "vmm/machine/machine_builder_board.h"

#include "vmm/firmware/boot/direct_boot.h"
#include "vmm/firmware/tables/acpi_tables.h"
#include "vmm/firmware/tables/boot_order.h"
#include "vmm/firmware/tables/memory_map_table.h"
#include "vmm/base/whole_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace vivarium {

namespace {

constexpr uint64_t kMaxKernelBytes = uint64_t{1} << 30;

// Where a kernel that starts without firmware finds its tables.
constexpr GuestAddress kAcpiBase = 0xE0000;
constexpr GuestAddress kSmbiosBase = 0xF0000;
constexpr uint64_t kTableSpaceBytes = 0x10000;

// Bits of guest-physical addresses that every supported host has for 64-bit PCI windows.
constexpr unsigned kPhysicalAddressBits = 40;

// S0 and S5 exist, both of sleep type 0 (SeaBIOS, fw_cfg "etc/system-states").
const std::vector<uint8_t> kSystemStates{0x80, 0, 0, 0, 0, 0x80};

} // namespace

std::array<uint8_t, 16> MachineBuilderBoard::uuidBytes(const std::string& text) {
    std::array<uint8_t, 16> bytes{};
    size_t digits = 0;
    for (const char c : text) {
        const auto value =
            std::string_view("0123456789abcdef")
                .find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
        if (value == std::string_view::npos || digits == 32)
            continue;
        bytes[digits / 2] = static_cast<uint8_t>(bytes[digits / 2] << 4 | value);
        ++digits;
    }
    return bytes;
}

PlatformDescription MachineBuilderBoard::platform() const {
    PlatformDescription platform;
    platform.apicIds = m_services.apicIds;
    platform.memoryBelow4GiB = m_services.memory.lowEnd();
    platform.memoryAbove4GiB = m_services.memory.sizeBytes() - m_services.memory.lowEnd();
    choosePci64Window(platform, kPhysicalAddressBits);
    for (size_t i = 0; i < m_uarts.size(); ++i)
        if (m_uarts[i])
            platform.serialPorts |= static_cast<uint8_t>(1u << i);
    platform.hpet = m_hpet ? PlatformDescription::HpetPresence::Present
                           : PlatformDescription::HpetPresence::Absent;
    return platform;
}

SmbiosDescription MachineBuilderBoard::smbios() const {
    SmbiosDescription description;
    description.uuid = uuidBytes(m_config.id);
    description.coresPerSocket = m_config.cpuCount;
    description.memoryBelow4GiB = m_services.memory.lowEnd();
    description.memoryAbove4GiB = m_services.memory.sizeBytes() - m_services.memory.lowEnd();
    return description;
}

Result<void> MachineBuilderBoard::buildFirmwareConfig() {
    m_firmwareConfig = TRY(FirmwareConfig::create(m_services.ports, m_services.memory));
    add(*m_firmwareConfig);
    TRY(addFirmwareItems());
    return addFirmwareFiles();
}

Result<void> MachineBuilderBoard::addFirmwareItems() {
    FirmwareConfig& fw = *m_firmwareConfig;
    const auto highestApicId =
        *std::max_element(m_services.apicIds.begin(), m_services.apicIds.end());
    const auto uuid = uuidBytes(m_config.id);
    TRY(fw.addItem(firmware_key::kUuid, {uuid.begin(), uuid.end()}));
    TRY(fw.addItem(firmware_key::kCpuCount,
                   FirmwareConfig::bytesOf(static_cast<uint16_t>(m_config.cpuCount))));
    TRY(fw.addItem(firmware_key::kMaxCpus,
                   FirmwareConfig::bytesOf(static_cast<uint16_t>(highestApicId + 1))));
    TRY(fw.addItem(firmware_key::kRamBytes,
                   FirmwareConfig::bytesOf<uint64_t>(m_services.memory.sizeBytes())));
    TRY(fw.addItem(firmware_key::kIrq0Override, FirmwareConfig::bytesOf<uint8_t>(1)));
    const bool menu = m_config.firmware.bootMenuMs > 0;
    return fw.addItem(firmware_key::kBootMenu, FirmwareConfig::bytesOf<uint16_t>(menu ? 1 : 0));
}

Result<void> MachineBuilderBoard::addFirmwareFiles() {
    FirmwareConfig& fw = *m_firmwareConfig;
    const PlatformDescription description = platform();
    AcpiFiles acpi = buildAcpiFiles(description);
    SmbiosFiles smbiosFiles = buildSmbiosFiles(smbios());
    TRY(fw.addFile("etc/e820", e820File(description)));
    TRY(fw.addFile("etc/acpi/tables", std::move(acpi.tables)));
    TRY(fw.addFile("etc/acpi/rsdp", std::move(acpi.rsdp)));
    TRY(fw.addFile("etc/table-loader", std::move(acpi.loader)));
    TRY(fw.addFile("etc/smbios/smbios-anchor", std::move(smbiosFiles.anchor)));
    TRY(fw.addFile("etc/smbios/smbios-tables", std::move(smbiosFiles.tables)));
    TRY(fw.addFile("etc/system-states", kSystemStates));
    if (m_config.firmware.bootMenuMs > 0)
        TRY(fw.addFile("etc/boot-menu-wait",
                       FirmwareConfig::bytesOf<uint16_t>(static_cast<uint16_t>(
                           std::min<uint32_t>(m_config.firmware.bootMenuMs, UINT16_MAX)))));
    if (const auto paths = bootPaths(); !paths.empty())
        TRY(fw.addFile("bootorder", bootOrderFile(paths, BootOrderRule::Preferred)));
    return {};
}

Result<void> MachineBuilderBoard::takeKernel(ConfigDescriptors& descriptors) {
    m_kernelFiles.kernel = TRY(descriptors.take(m_config.kernel.kernelFd, "kernel"));
    if (m_config.kernel.initrdFd >= 0)
        m_kernelFiles.initrd = TRY(descriptors.take(m_config.kernel.initrdFd, "initial RAM disk"));
    for (const control::KernelModuleConfig& module : m_config.kernel.modules)
        m_kernelFiles.modules.push_back(
            {TRY(descriptors.take(module.fd, "kernel module")), module.commandLine});
    return {};
}

Result<std::optional<VcpuRegisters>> MachineBuilderBoard::loadDirectBoot() {
    if (!startsKernel())
        return std::optional<VcpuRegisters>();
    const auto kernel = TRY(readWholeFile(m_kernelFiles.kernel.get(), kMaxKernelBytes, "kernel"));
    std::vector<uint8_t> initrd;
    if (m_kernelFiles.initrd)
        initrd =
            TRY(readWholeFile(m_kernelFiles.initrd.get(), kMaxKernelBytes, "initial RAM disk"));
    std::vector<std::vector<uint8_t>> moduleBytes;
    DirectBootImages images{kernel, initrd, m_config.kernel.commandLine, {}};
    for (const KernelFiles::Module& module : m_kernelFiles.modules) {
        moduleBytes.push_back(
            TRY(readWholeFile(module.file.get(), kMaxKernelBytes, "kernel module")));
        images.modules.push_back({moduleBytes.back(), module.commandLine});
    }
    const PlatformDescription description = platform();
    DirectBootPlatform boot;
    boot.memoryMap = directBootMemoryMap(description);
    boot.acpiRsdp =
        TRY(writeAcpiTables(description, m_services.memory, kAcpiBase, kTableSpaceBytes));
    TRY(writeSmbiosTables(smbios(), m_services.memory, kSmbiosBase, kTableSpaceBytes));
    return std::optional(TRY(loadKernel(images, boot, m_services.memory)));
}

} // namespace vivarium
