#include "vmm/machine/machine_builder_board.h"

#include "vmm/devices/chipset/chipset_start.h"
#include "vmm/firmware/boot/direct_boot.h"
#include "vmm/machine/whole_file.h"

#include <algorithm>

namespace vivarium {

namespace {

constexpr uint64_t kMaxKernelBytes = uint64_t{1} << 30;
constexpr GuestAddress kFourGiB = GuestAddress{1} << 32;

// What firmware's own E820 makes of the machine: RAM from 0xA0000 to 1 MiB is not for the guest.
std::vector<BootMemoryRange> kernelMemoryMap(const GuestMemory& memory) {
    using Type = BootMemoryRange::Type;
    std::vector<BootMemoryRange> map{
        {0, 0x9FC00, Type::Usable},
        {0x9FC00, 0x400, Type::Reserved}, // extended BIOS data area
        {0xF0000, 0x10000, Type::Reserved},
        {0x100000, memory.lowEnd() - 0x100000, Type::Usable},
        {chipset::kEcamBase, chipset::kEcamBytes, Type::Reserved},
        {chipset::kRootComplexBase, chipset::kRootComplexBytes, Type::Reserved},
    };
    if (memory.sizeBytes() > memory.lowEnd())
        map.push_back({kFourGiB, memory.sizeBytes() - memory.lowEnd(), Type::Usable});
    return map;
}

} // namespace

// SeaBIOS's boot order: one device path a line, best first (SeaBIOS 1.16, docs/Runtime_config).
std::string MachineBuilderBoard::bootOrder() const {
    std::vector<control::DriveConfig> drives;
    std::copy_if(m_config.drives.begin(), m_config.drives.end(), std::back_inserter(drives),
                 [](const control::DriveConfig& drive) { return drive.bootIndex >= 0; });
    std::stable_sort(drives.begin(), drives.end(),
                     [](const control::DriveConfig& a, const control::DriveConfig& b) {
                         return a.bootIndex < b.bootIndex;
                     });
    std::string order;
    for (const control::DriveConfig& drive : drives)
        order += "/pci@i0cf8/*@1f,2/drive@" + std::to_string(drive.port) + "/disk@0\n";
    return order;
}

Result<void> MachineBuilderBoard::buildFirmwareConfig() {
    m_firmwareConfig = TRY(FirmwareConfig::create(m_services.ports, m_services.memory));
    add(*m_firmwareConfig);
    FirmwareConfig& fw = *m_firmwareConfig;
    const auto highestApicId =
        *std::max_element(m_services.apicIds.begin(), m_services.apicIds.end());
    TRY(fw.addItem(firmware_key::kCpuCount,
                   FirmwareConfig::bytesOf(static_cast<uint16_t>(m_config.cpuCount))));
    TRY(fw.addItem(firmware_key::kMaxCpus,
                   FirmwareConfig::bytesOf(static_cast<uint16_t>(highestApicId + 1))));
    TRY(fw.addItem(firmware_key::kRamBytes,
                   FirmwareConfig::bytesOf<uint64_t>(m_services.memory.sizeBytes())));
    const bool menu = m_config.firmware.bootMenuMs > 0;
    TRY(fw.addItem(firmware_key::kBootMenu, FirmwareConfig::bytesOf<uint16_t>(menu ? 1 : 0)));
    if (menu)
        TRY(fw.addFile("etc/boot-menu-wait",
                       FirmwareConfig::bytesOf<uint16_t>(static_cast<uint16_t>(
                           std::min<uint32_t>(m_config.firmware.bootMenuMs, UINT16_MAX)))));
    if (const std::string order = bootOrder(); !order.empty()) {
        std::vector<uint8_t> bytes(order.begin(), order.end());
        bytes.push_back(0);
        TRY(fw.addFile("bootorder", std::move(bytes)));
    }
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
        moduleBytes.push_back(TRY(readWholeFile(module.file.get(), kMaxKernelBytes, "kernel module")));
        images.modules.push_back({moduleBytes.back(), module.commandLine});
    }
    DirectBootPlatform platform;
    platform.memoryMap = kernelMemoryMap(m_services.memory);
    return std::optional(TRY(loadKernel(images, platform, m_services.memory)));
}

} // namespace vivarium
