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

Result<std::unique_ptr<BlockDevice>> MachineBuilderBoard::openImage(UniqueFd image,
                                                                    DiskAccess access) const {
    RawImageOptions options;
    options.access = access;
    options.threadStarted = m_services.diskThreadStarted;
    return std::unique_ptr<BlockDevice>(
        TRY(RawImage::create(std::move(image), std::move(options))));
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
        if (config.format != "raw")
            return fail(ErrorCode::Unsupported,
                        config.id + ": the image format " + config.format + " is not supported");
        std::unique_ptr<BlockDevice> image;
        if (config.imageFd >= 0) {
            image = TRY(openImage(TRY(descriptors.take(config.imageFd, "disk image")),
                                  optical || config.readOnly ? DiskAccess::ReadOnly
                                                             : DiskAccess::ReadWrite));
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
    if (image)
        medium = TRY(openImage(std::move(image), DiskAccess::ReadOnly));
    const bool inserts = medium != nullptr;
    TRY(m_ahci->changeMedium(driveId, std::move(medium),
                             force ? AhciController::ChangeMode::Force
                                   : AhciController::ChangeMode::HonourLock));
    m_mediumNames[driveId] = inserts ? mediumName : std::string();
    return {};
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
