#include "core/supervisor/config_translator.h"

#include "core/model/setting_names.h"
#include "core/supervisor/descriptor_list.h"

#include <QDateTime>
#include <QFileInfo>

#include <algorithm>
#include <map>

namespace vivarium {

namespace {

constexpr uint32_t kBootMenuMs = 5000;

bool bootsFrom(BootDevice device, DriveType type) {
    switch (device) {
    case BootDevice::HardDisk:
        return type == DriveType::HardDisk;
    case BootDevice::Optical:
        return type == DriveType::Optical;
    case BootDevice::None:
        return false;
    }
    return false;
}

// Drive id -> boot index: the kinds in the order of the settings, each by bus and port.
std::map<std::string, int> bootIndices(const MachineSettings& settings) {
    QList<DriveSettings> drives = settings.drives;
    std::sort(drives.begin(), drives.end(), [](const DriveSettings& a, const DriveSettings& b) {
        return std::pair(a.bus, a.port) < std::pair(b.bus, b.port);
    });
    std::map<std::string, int> indices;
    for (BootDevice device : settings.bootOrder)
        for (const DriveSettings& drive : drives)
            if (bootsFrom(device, drive.type))
                indices.emplace(driveId(drive), static_cast<int>(indices.size()));
    return indices;
}

control::DriveBus translateBus(DriveBus bus) {
    switch (bus) {
    case DriveBus::Sata:
        return control::DriveBus::Sata;
    case DriveBus::Nvme:
        return control::DriveBus::Nvme;
    case DriveBus::Virtio:
        return control::DriveBus::Virtio;
    }
    return control::DriveBus::Sata;
}

control::DiskFormat translateFormat(DiskFormat format) {
    switch (format) {
    case DiskFormat::Raw:
        return control::DiskFormat::Raw;
    case DiskFormat::Qcow2:
        return control::DiskFormat::Qcow2;
    }
    return control::DiskFormat::Raw;
}

control::DriveCacheMode translateCache(CacheMode mode) {
    switch (mode) {
    case CacheMode::WriteBack:
        return control::DriveCacheMode::WriteBack;
    case CacheMode::WriteThrough:
        return control::DriveCacheMode::WriteThrough;
    case CacheMode::Direct:
        return control::DriveCacheMode::Direct;
    }
    return control::DriveCacheMode::WriteBack;
}

control::DiskErrorPolicy translateErrors(DiskErrorAction action) {
    switch (action) {
    case DiskErrorAction::Report:
        return control::DiskErrorPolicy::Report;
    case DiskErrorAction::Stop:
        return control::DiskErrorPolicy::Stop;
    case DiskErrorAction::Ignore:
        return control::DiskErrorPolicy::Ignore;
    }
    return control::DiskErrorPolicy::Report;
}

control::DriveConfig driveConfig(const DriveSettings& drive, std::vector<OpenedImage>& images,
                                 int bootIndex, DescriptorList& descriptors) {
    control::DriveConfig config;
    config.id = driveId(drive);
    config.bus = translateBus(drive.bus);
    config.kind =
        drive.type == DriveType::Optical ? control::DriveKind::Optical : control::DriveKind::Disk;
    config.port = drive.port;
    for (OpenedImage& image : images)
        config.images.push_back(
            {descriptors.add(std::move(image.fd)), translateFormat(image.format)});
    config.mediumName = QFileInfo(drive.path).fileName().toStdString();
    config.readOnly = drive.readOnly || drive.type == DriveType::Optical;
    config.bootIndex = bootIndex;
    if (drive.type == DriveType::HardDisk) {
        config.cacheMode = translateCache(drive.cacheMode);
        config.errorPolicy = translateErrors(drive.onError);
        config.fullPolicy = translateErrors(drive.onFull);
    }
    return config;
}

control::SerialConfig translateSerial(const SerialPortSettings& serial, OpenedFiles::Serial& files,
                                      DescriptorList& descriptors) {
    control::SerialConfig config;
    config.port = serial.port;
    if (files.stream) {
        config.kind = control::SerialKind::Stream;
        config.outputFd = descriptors.add(std::move(files.stream));
        config.inputFd = config.outputFd;
        return config;
    }
    switch (serial.mode) {
    case SerialMode::Disconnected:
        config.kind = control::SerialKind::None;
        break;
    case SerialMode::Console:
        config.kind = control::SerialKind::Ring;
        break;
    case SerialMode::File:
        config.kind = control::SerialKind::File;
        config.outputFd = descriptors.add(std::move(files.file));
        break;
    case SerialMode::Socket:
        config.kind = control::SerialKind::Stream;
        config.listenFd = descriptors.add(std::move(files.listen));
        break;
    }
    return config;
}

control::AcceleratorChoice acceleratorChoice(Accelerator accelerator) {
    switch (accelerator) {
    case Accelerator::Auto:
        return control::AcceleratorChoice::Auto;
    case Accelerator::Kvm:
        return control::AcceleratorChoice::Kvm;
    case Accelerator::Software:
        return control::AcceleratorChoice::Software;
    }
    return control::AcceleratorChoice::Auto;
}

} // namespace

std::string driveId(const DriveSettings& drive) {
    return nameOf(drive.bus).toStdString() + std::to_string(drive.port);
}

TranslatedDrive translateDrive(const DriveSettings& drive, std::vector<OpenedImage> images) {
    DescriptorList descriptors;
    TranslatedDrive translated;
    translated.config = driveConfig(drive, images, -1, descriptors);
    translated.descriptors = descriptors.take();
    return translated;
}

WorkerConfiguration translate(const MachineId& id, const MachineSettings& settings,
                              OpenedFiles files, WorkerLife life, size_t firstDescriptor) {
    DescriptorList descriptors(firstDescriptor);
    control::MachineConfig config;
    config.id = id.toString().toStdString();
    config.name = settings.name.toStdString();
    config.memoryBytes = uint64_t{settings.memoryMiB} << 20;
    config.cpuCount = settings.cpuCount;
    config.accelerator = acceleratorChoice(settings.accelerator);
    config.hpet = settings.hpet;
    config.exitDevice = settings.exitDevice;
    config.exitWhenClientsLeave = life == WorkerLife::WithClients;
    if (settings.rtcLocalTime)
        config.rtcOffsetSeconds = QDateTime::currentDateTime().offsetFromUtc();

    if (files.kernel) {
        config.firmware.kind = control::FirmwareKind::None;
        config.kernel.kernelFd = descriptors.add(std::move(files.kernel));
        config.kernel.initrdFd = descriptors.add(std::move(files.initrd));
        config.kernel.commandLine = settings.directBoot.commandLine.toStdString();
        for (size_t i = 0; i < files.modules.size(); ++i)
            config.kernel.modules.push_back(
                {descriptors.add(std::move(files.modules[i])),
                 QFileInfo(settings.directBoot.modulePaths.at(static_cast<qsizetype>(i)))
                     .fileName()
                     .toStdString()});
    } else {
        config.firmware.kind = control::FirmwareKind::Bios;
        config.firmware.romFd = descriptors.add(std::move(files.firmware.rom));
        config.firmware.bootMenuMs = settings.bootMenu ? kBootMenuMs : 0;
    }

    config.firmware.videoRomFd = descriptors.add(std::move(files.firmware.videoRom));

    const auto boot = bootIndices(settings);
    for (qsizetype i = 0; i < settings.drives.size(); ++i) {
        const DriveSettings& drive = settings.drives.at(i);
        const auto index = boot.find(driveId(drive));
        config.drives.push_back(driveConfig(drive, files.drives[static_cast<size_t>(i)],
                                            index == boot.end() ? -1 : index->second, descriptors));
    }
    for (qsizetype i = 0; i < settings.serialPorts.size(); ++i)
        config.serialPorts.push_back(translateSerial(
            settings.serialPorts.at(i), files.serialPorts[static_cast<size_t>(i)], descriptors));

    for (const NetworkCardSettings& card : settings.networkCards)
        config.networkCards.push_back({card.slot, card.macAddress.text()});

    config.display.videoMemoryBytes = uint64_t{settings.videoMemoryMiB} << 20;
    config.vnc.listenFd = descriptors.add(std::move(files.vnc));
    config.vnc.password = settings.vnc.password.toStdString();
    config.restore.stateFd = descriptors.add(std::move(files.restore.state));
    config.restore.ram.indexFd = descriptors.add(std::move(files.restore.ramIndex));
    for (UniqueFd& file : files.restore.ram)
        config.restore.ram.files.push_back({descriptors.add(std::move(file))});
    config.lockFd = descriptors.add(std::move(files.lock));
    config.listenFd = descriptors.add(std::move(files.control));
    return {std::move(config), descriptors.take()};
}

} // namespace vivarium
