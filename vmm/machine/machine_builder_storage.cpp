#include "vmm/machine/machine_builder_board.h"

#include "vmm/firmware/tables/boot_order.h"

#include <algorithm>
#include <iterator>

namespace vivarium {

namespace {

DriveErrorPolicy errorPolicyOf(control::DiskErrorPolicy policy) {
    switch (policy) {
    case control::DiskErrorPolicy::Report:
        return DriveErrorPolicy::Report;
    case control::DiskErrorPolicy::Stop:
        return DriveErrorPolicy::Stop;
    case control::DiskErrorPolicy::Ignore:
        return DriveErrorPolicy::Ignore;
    }
    return DriveErrorPolicy::Report;
}

} // namespace

ImageFormat imageFormatOf(control::DiskFormat format) {
    return format == control::DiskFormat::Raw ? ImageFormat::Raw : ImageFormat::Qcow2;
}

Result<std::unique_ptr<DiskChain>> MachineBuilderBoard::openDisk(std::vector<ChainFile> files,
                                                                 DiskAccess access) const {
    DiskChainOptions options;
    options.access = access;
    options.threadStarted = m_services.diskThreadStarted;
    return DiskChain::open(std::move(files), std::move(options));
}

// A slot of its own for every disk that is not on the SATA controller.
PciAddress MachineBuilderBoard::diskAddress(const control::DriveConfig& drive) {
    const uint8_t first =
        drive.bus == control::DriveBus::Virtio ? kFirstVirtioSlot : kFirstNvmeSlot;
    return {static_cast<uint8_t>(first + drive.port), 0};
}

Result<void> MachineBuilderBoard::buildStorage(ConfigDescriptors& descriptors) {
    const BoardServices& s = m_services;
    std::vector<AhciDrive> sataDrives;
    for (const control::DriveConfig& config : m_config.drives) {
        const bool optical = config.kind == control::DriveKind::Optical;
        std::unique_ptr<BlockDevice> image;
        if (!config.images.empty()) {
            std::vector<ChainFile> files;
            for (const control::ImageConfig& file : config.images)
                files.push_back(
                    {TRY(descriptors.take(file.fd, "disk image")), imageFormatOf(file.format)});
            auto chain =
                openDisk(std::move(files),
                         optical || config.readOnly ? DiskAccess::ReadOnly : DiskAccess::ReadWrite);
            if (!chain)
                return fail(chain.error().code, config.id + ": " + chain.error().detail);
            if (!optical)
                m_disks[config.id] = chain->get();
            image = std::move(*chain);
            m_mediumNames[config.id] = config.mediumName;
        }
        switch (config.bus) {
        case control::DriveBus::Sata:
            sataDrives.push_back(
                {config.id, config.port, optical ? AhciDrive::Kind::Optical : AhciDrive::Kind::Disk,
                 std::move(image), config.serialNumber, errorPolicyOf(config.errorPolicy)});
            break;
        case control::DriveBus::Virtio:
            TRY(addVirtioDisk(config, std::move(image)));
            break;
        case control::DriveBus::Nvme:
            TRY(addNvmeDisk(config, std::move(image)));
            break;
        }
    }
    m_ahci = TRY(AhciController::create(
        kAhciAddress,
        {{s.ports, s.memoryMap, s.interrupts, *m_lpc}, s.memory, s.tasks, s.storageListener},
        std::move(sataDrives)));
    m_storage.push_back(m_ahci.get());
    return addPci(*m_ahci);
}

Result<void> MachineBuilderBoard::addVirtioDisk(const control::DriveConfig& config,
                                                std::unique_ptr<BlockDevice> image) {
    const BoardServices& s = m_services;
    VirtioBlockDisk disk;
    disk.id = config.id;
    disk.image = std::move(image);
    disk.serialNumber = config.serialNumber;
    disk.errorPolicy = errorPolicyOf(config.errorPolicy);
    disk.queueCount = std::min(m_config.cpuCount, VirtioBlock::kMaxQueues);
    VirtioBlock::Function function =
        TRY(VirtioBlock::create(diskAddress(config),
                                {{s.ports, s.memoryMap, s.interrupts, *m_lpc},
                                 s.memory,
                                 s.tasks,
                                 s.storageListener,
                                 s.doorbells},
                                std::move(disk)));
    m_storage.push_back(function.disk);
    m_diskFunctions.push_back(std::move(function.transport));
    return addPci(*m_diskFunctions.back());
}

Result<void> MachineBuilderBoard::addNvmeDisk(const control::DriveConfig& config,
                                              std::unique_ptr<BlockDevice> image) {
    const BoardServices& s = m_services;
    auto controller = TRY(NvmeController::create(
        diskAddress(config),
        {{s.ports, s.memoryMap, s.interrupts, *m_lpc}, s.memory, s.tasks, s.storageListener},
        {config.id, std::move(image), config.serialNumber, errorPolicyOf(config.errorPolicy)}));
    m_storage.push_back(controller.get());
    m_diskFunctions.push_back(std::move(controller));
    return addPci(*m_diskFunctions.back());
}

std::vector<std::string> MachineBuilderBoard::bootPaths() const {
    std::vector<control::DriveConfig> drives;
    std::copy_if(m_config.drives.begin(), m_config.drives.end(), std::back_inserter(drives),
                 [](const control::DriveConfig& drive) { return drive.bootIndex >= 0; });
    std::stable_sort(drives.begin(), drives.end(),
                     [](const control::DriveConfig& a, const control::DriveConfig& b) {
                         return a.bootIndex < b.bootIndex;
                     });
    std::vector<std::string> paths;
    for (const control::DriveConfig& drive : drives)
        if (drive.bus == control::DriveBus::Sata)
            paths.push_back(ahciBootPath(kAhciAddress.device, kAhciAddress.function, drive.port));
        else
            paths.push_back(pciDiskBootPath(diskAddress(drive).device, 0));
    return paths;
}

// --- The machine's calls --------------------------------------------------------------------

void MachineBuilderBoard::drainIo() {
    for (StorageController* controller : m_storage)
        controller->drainIo();
}

void MachineBuilderBoard::retryStalledRequests() {
    for (StorageController* controller : m_storage)
        controller->retryStalledRequests();
}

Result<void> MachineBuilderBoard::changeMedium(const std::string& driveId, UniqueFd image,
                                               const std::string& mediumName, bool force) {
    std::unique_ptr<BlockDevice> medium;
    if (image) {
        std::vector<ChainFile> files;
        files.push_back({std::move(image), ImageFormat::Raw});
        medium = TRY(openDisk(std::move(files), DiskAccess::ReadOnly));
    }
    const bool inserts = medium != nullptr;
    TRY(m_ahci->changeMedium(driveId, std::move(medium),
                             force ? AhciController::ChangeMode::Force
                                   : AhciController::ChangeMode::HonourLock));
    m_mediumNames[driveId] = inserts ? mediumName : std::string();
    return {};
}

DiskChain* MachineBuilderBoard::disk(const std::string& driveId) {
    const auto found = m_disks.find(driveId);
    return found == m_disks.end() ? nullptr : found->second;
}

std::vector<control::DriveStatus> MachineBuilderBoard::drives() const {
    std::vector<control::DriveStatus> result;
    for (const StorageController* controller : m_storage)
        for (const DriveReport& report : controller->drives()) {
            control::DriveStatus status;
            status.id = report.id;
            status.kind = report.kind == DriveReport::Kind::Optical ? control::DriveKind::Optical
                                                                    : control::DriveKind::Disk;
            const auto name = m_mediumNames.find(report.id);
            if (report.hasMedium && name != m_mediumNames.end())
                status.mediumName = name->second;
            status.locked = report.locked;
            status.readBytes = report.activity.readBytes;
            status.writtenBytes = report.activity.writtenBytes;
            status.readRequests = report.activity.readRequests;
            status.writeRequests = report.activity.writeRequests;
            result.push_back(std::move(status));
        }
    return result;
}

} // namespace vivarium
