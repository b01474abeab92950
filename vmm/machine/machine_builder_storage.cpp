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

DriveErrorPolicies errorPoliciesOf(const control::DriveConfig& config) {
    return {errorPolicyOf(config.errorPolicy), errorPolicyOf(config.fullPolicy)};
}

DiskCacheMode cacheModeOf(control::DriveCacheMode mode) {
    switch (mode) {
    case control::DriveCacheMode::WriteBack:
        return DiskCacheMode::WriteBack;
    case control::DriveCacheMode::WriteThrough:
        return DiskCacheMode::WriteThrough;
    case control::DriveCacheMode::Direct:
        return DiskCacheMode::Direct;
    }
    return DiskCacheMode::WriteBack;
}

} // namespace

ImageFormat imageFormatOf(control::DiskFormat format) {
    return format == control::DiskFormat::Raw ? ImageFormat::Raw : ImageFormat::Qcow2;
}

Result<std::unique_ptr<DiskChain>> MachineBuilderBoard::openDisk(std::vector<ChainFile> files,
                                                                 DiskAccess access,
                                                                 DiskCacheMode cacheMode) const {
    DiskChainOptions options;
    options.access = access;
    options.cacheMode = cacheMode;
    options.threadStarted = m_services.diskThreadStarted;
    return DiskChain::open(std::move(files), std::move(options));
}

// A slot of its own for every disk that is not on the SATA controller.
PciAddress MachineBuilderBoard::diskAddress(const control::DriveConfig& drive) {
    const uint8_t first =
        drive.bus == control::DriveBus::Virtio ? kFirstVirtioSlot : kFirstNvmeSlot;
    return {static_cast<uint8_t>(first + drive.port), 0};
}

Result<OpenDrive> MachineBuilderBoard::openDrive(const control::DriveConfig& config,
                                                 ConfigDescriptors& descriptors) const {
    OpenDrive drive;
    drive.config = config;
    if (config.images.empty())
        return drive;
    std::vector<ChainFile> files;
    for (const control::ImageConfig& file : config.images)
        files.push_back({TRY(descriptors.take(file.fd, "disk image")), imageFormatOf(file.format)});
    const bool written = config.kind == control::DriveKind::Disk && !config.readOnly;
    auto chain = openDisk(std::move(files), written ? DiskAccess::ReadWrite : DiskAccess::ReadOnly,
                          cacheModeOf(config.cacheMode));
    if (!chain)
        return fail(chain.error().code, config.id + ": " + chain.error().detail);
    drive.image = std::move(*chain);
    return drive;
}

void MachineBuilderBoard::note(const OpenDrive& drive) {
    if (!drive.image)
        return;
    if (drive.config.kind == control::DriveKind::Disk)
        m_disks[drive.config.id] = drive.image.get();
    m_mediumNames[drive.config.id] = drive.config.mediumName;
}

AhciDrive MachineBuilderBoard::sataDrive(OpenDrive drive) {
    const control::DriveConfig& config = drive.config;
    return {config.id,
            config.port,
            config.kind == control::DriveKind::Optical ? AhciDrive::Kind::Optical
                                                       : AhciDrive::Kind::Disk,
            std::move(drive.image),
            config.serialNumber,
            errorPoliciesOf(config)};
}

Result<void> MachineBuilderBoard::buildStorage(ConfigDescriptors& descriptors) {
    const BoardServices& s = m_services;
    std::vector<AhciDrive> sataDrives;
    for (const control::DriveConfig& config : m_config.drives) {
        OpenDrive drive = TRY(openDrive(config, descriptors));
        note(drive);
        switch (config.bus) {
        case control::DriveBus::Sata:
            sataDrives.push_back(sataDrive(std::move(drive)));
            break;
        case control::DriveBus::Virtio:
            TRY(addVirtioDisk(config, std::move(drive.image)));
            break;
        case control::DriveBus::Nvme:
            TRY(addNvmeDisk(config, std::move(drive.image)));
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
    disk.errorPolicy = errorPoliciesOf(config);
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
        {config.id, std::move(image), config.serialNumber, errorPoliciesOf(config)}));
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

Result<void> MachineBuilderBoard::attachDrive(OpenDrive drive) {
    if (drive.config.bus != control::DriveBus::Sata)
        return fail(ErrorCode::Unsupported,
                    "only SATA drives can be attached while the machine runs");
    for (const control::DriveStatus& present : drives())
        if (present.id == drive.config.id)
            return fail(ErrorCode::InvalidArgument,
                        "the machine has a drive called " + drive.config.id + " already");
    DiskChain* const disk =
        drive.config.kind == control::DriveKind::Disk ? drive.image.get() : nullptr;
    const std::string id = drive.config.id;
    const std::string name = drive.image ? drive.config.mediumName : std::string();
    TRY(m_ahci->attachDrive(sataDrive(std::move(drive))));
    m_mediumNames[id] = name;
    if (disk)
        m_disks[id] = disk;
    return {};
}

Result<std::unique_ptr<BlockDevice>> MachineBuilderBoard::detachDrive(const std::string& driveId,
                                                                      bool force) {
    for (StorageController* controller : m_storage)
        for (const DriveReport& report : controller->drives())
            if (report.id == driveId && controller != m_ahci.get())
                return fail(ErrorCode::Unsupported,
                            driveId + " is no SATA drive and stays while the machine runs");
    auto image = TRY(m_ahci->detachDrive(driveId, force ? AhciController::ChangeMode::Force
                                                        : AhciController::ChangeMode::HonourLock));
    m_disks.erase(driveId);
    m_mediumNames.erase(driveId);
    return image;
}

void MachineBuilderBoard::driveResized(const std::string& driveId) {
    for (StorageController* controller : m_storage)
        for (const DriveReport& report : controller->drives())
            if (report.id == driveId)
                controller->imageResized();
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
            status.sizeBytes = report.sizeBytes;
            status.readBytes = report.activity.readBytes;
            status.writtenBytes = report.activity.writtenBytes;
            status.readRequests = report.activity.readRequests;
            status.writeRequests = report.activity.writeRequests;
            result.push_back(std::move(status));
        }
    return result;
}

} // namespace vivarium
