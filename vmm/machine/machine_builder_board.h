#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/backends/input/input_router.h"
#include "vmm/backends/network/network_port.h"
#include "vmm/backends/serial/ring_backend.h"
#include "vmm/backends/vnc/vnc_server.h"
#include "vmm/devices/chipset/acpi_pm.h"
#include "vmm/devices/chipset/dma_controller.h"
#include "vmm/devices/chipset/firmware_rom.h"
#include "vmm/devices/chipset/generation_id.h"
#include "vmm/devices/chipset/host_bridge.h"
#include "vmm/devices/chipset/hpet.h"
#include "vmm/devices/chipset/lpc_bridge.h"
#include "vmm/devices/chipset/reset_control.h"
#include "vmm/devices/chipset/shared_lines.h"
#include "vmm/devices/chipset/smbus_controller.h"
#include "vmm/devices/display/vga_device.h"
#include "vmm/devices/firmware_config/firmware_config.h"
#include "vmm/devices/input/i8042.h"
#include "vmm/devices/legacy/debug_console.h"
#include "vmm/devices/legacy/exit_device.h"
#include "vmm/devices/legacy/rtc.h"
#include "vmm/devices/pci/pci_bus.h"
#include "vmm/devices/serial/uart_16550.h"
#include "vmm/devices/storage/ahci_controller.h"
#include "vmm/devices/storage/nvme_controller.h"
#include "vmm/devices/storage/storage_controller.h"
#include "vmm/devices/virtio/block/virtio_block.h"
#include "vmm/devices/virtio/net/virtio_net.h"
#include "vmm/disk/chain/disk_chain.h"
#include "vmm/firmware/tables/platform_description.h"
#include "vmm/firmware/tables/smbios_tables.h"
#include "vmm/machine/board.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// The Q35 PC: owns every device, in the order in which they are built on each other.
class MachineBuilderBoard final : public Board {
public:
    MachineBuilderBoard(const control::MachineConfig& config, const BoardServices& services);
    ~MachineBuilderBoard() override;

    Result<void> build(ConfigDescriptors& descriptors);

    const std::vector<Device*>& devices() const override { return m_devices; }
    Display& display() override { return m_display; }
    InputRouter& input() override { return m_input; }
    Result<std::optional<VcpuRegisters>> loadDirectBoot() override;
    Heard pressPowerButton() override {
        return m_acpiPm->powerButtonPressed() ? Heard::Yes : Heard::No;
    }
    Result<void> changeMedium(const std::string& driveId, UniqueFd image,
                              const std::string& mediumName, bool force) override;
    std::vector<control::DriveStatus> drives() const override;
    void drainIo() override;
    void retryStalledRequests() override;
    void resumeNetwork() override;
    Result<OpenDrive> openDrive(const control::DriveConfig& config,
                                ConfigDescriptors& descriptors) const override;
    Result<void> attachDrive(OpenDrive drive) override;
    Result<std::unique_ptr<BlockDevice>> detachDrive(const std::string& driveId,
                                                     bool force) override;
    void driveResized(const std::string& driveId) override;
    DiskChain* disk(const std::string& driveId) override;
    void forgetMedium(const std::string& driveId) override { m_mediumNames[driveId].clear(); }
    Result<UniqueFd> attachSerial(uint32_t port) override;
    uint32_t vncClientCount() const override { return m_vnc ? m_vnc->clientCount() : 0; }

private:
    static constexpr PciAddress kVgaAddress{1, 0};
    static constexpr PciAddress kAhciAddress{31, 2};
    static constexpr uint8_t kFirstVirtioSlot = 8; // of 8 for virtio disks
    static constexpr uint8_t kFirstNvmeSlot = 16;  // of 8 for NVMe disks
    static constexpr uint8_t kFirstNetworkSlot = 24;
    static constexpr uint32_t kNetworkSlots = 4;

    // The 16 bytes of a UUID in text order; zeroes for another text.
    static std::array<uint8_t, 16> uuidBytes(const std::string& text);
    bool startsKernel() const { return m_config.kernel.kernelFd >= 0; }
    Result<void> buildChipset(ConfigDescriptors& descriptors);
    Result<void> buildDisplay(ConfigDescriptors& descriptors);
    Result<void> buildStorage(ConfigDescriptors& descriptors);
    static PciAddress diskAddress(const control::DriveConfig& drive);
    Result<void> addVirtioDisk(const control::DriveConfig& config,
                               std::unique_ptr<BlockDevice> image);
    Result<void> addNvmeDisk(const control::DriveConfig& config,
                             std::unique_ptr<BlockDevice> image);
    Result<void> buildNetwork();
    Result<void> addNetworkCard(const control::NetworkCardConfig& config);
    Result<void> buildLegacy(ConfigDescriptors& descriptors);
    Result<void> buildSerial(const control::SerialConfig& port, ConfigDescriptors& descriptors);
    Result<void> buildFirmwareConfig();
    Result<void> takeKernel(ConfigDescriptors& descriptors);
    Result<std::unique_ptr<DiskChain>>
    openDisk(std::vector<ChainFile> files, DiskAccess access,
             DiskCacheMode cacheMode = DiskCacheMode::WriteBack) const;
    // Remembers what the calls of this board need of the drive.
    void note(const OpenDrive& drive);
    static AhciDrive sataDrive(OpenDrive drive);
    PlatformDescription platform() const;
    SmbiosDescription smbios() const;
    std::vector<std::string> bootPaths() const; // of firmware, best first
    Result<void> addFirmwareItems();
    Result<void> addFirmwareFiles();
    void add(Device& device) { m_devices.push_back(&device); }
    Result<void> addPci(PciDevice& device);

    control::MachineConfig m_config;
    BoardServices m_services;
    std::vector<Device*> m_devices;

    InputRouter m_input;
    Display m_display;
    SharedLines m_lines;
    std::unique_ptr<PciBus> m_pciBus;
    std::unique_ptr<AcpiPm> m_acpiPm;
    std::unique_ptr<GenerationId> m_generationId;
    std::unique_ptr<LpcBridge> m_lpc;
    std::optional<FirmwareRom> m_firmwareRom;
    std::unique_ptr<HostBridge> m_hostBridge;
    std::unique_ptr<SmbusController> m_smbus;
    std::unique_ptr<DmaController> m_dma;
    std::unique_ptr<ResetControl> m_resetControl;
    std::unique_ptr<Hpet> m_hpet;
    std::unique_ptr<FirmwareConfig> m_firmwareConfig;
    std::unique_ptr<VgaDevice> m_vga;
    std::unique_ptr<AhciController> m_ahci;
    std::vector<std::unique_ptr<PciDevice>> m_diskFunctions;  // virtio and NVMe
    std::vector<StorageController*> m_storage;                // all that have drives
    std::vector<std::unique_ptr<NetworkPort>> m_networkPorts; // outlive the cards
    std::vector<VirtioNet::Function> m_networkCards;
    std::unique_ptr<Rtc> m_rtc;
    std::unique_ptr<I8042> m_i8042;
    std::array<std::unique_ptr<RingBackend>, 4> m_serialBackends; // outlive the ports
    std::array<std::unique_ptr<Uart16550>, 4> m_uarts;
    std::unique_ptr<DebugConsole> m_debugConsole;
    std::unique_ptr<ExitDevice> m_exitDevice;
    std::unique_ptr<VncServer> m_vnc; // last: its thread ends first

    std::map<std::string, std::string> m_mediumNames; // by drive id
    std::map<std::string, DiskChain*> m_disks;        // by drive id, owned by their controllers
    UniqueFd m_debugLog;
    struct KernelFiles {
        UniqueFd kernel, initrd;
        struct Module {
            UniqueFd file;
            std::string commandLine;
        };
        std::vector<Module> modules;
    };
    KernelFiles m_kernelFiles;
};

} // namespace vivarium
