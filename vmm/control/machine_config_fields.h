#pragma once

// Only for the .cpp files of this folder: the fields of MachineConfig and its parts with their
// bounds (json_fields.h says how).

#include "vmm/control/json_fields.h"

#include <array>

namespace vivarium::control {

constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxBackingNameBytes = 1023; // qcow2's own bound
constexpr size_t kMaxCommandLineBytes = 64 * 1024;
constexpr size_t kMaxChainFiles = 64;
constexpr size_t kMaxNetworkCards = 4;
constexpr size_t kMaxDrives = 22; // 6 SATA, 8 virtio, 8 NVMe

template <>
struct EnumNames<FirmwareKind> {
    static constexpr std::array<std::pair<FirmwareKind, std::string_view>, 3> kNames{
        {{FirmwareKind::Bios, "bios"}, {FirmwareKind::Uefi, "uefi"}, {FirmwareKind::None, "none"}}};
};
template <>
struct EnumNames<AcceleratorChoice> {
    static constexpr std::array<std::pair<AcceleratorChoice, std::string_view>, 3> kNames{
        {{AcceleratorChoice::Auto, "auto"},
         {AcceleratorChoice::Kvm, "kvm"},
         {AcceleratorChoice::Software, "software"}}};
};
template <>
struct EnumNames<DriveKind> {
    static constexpr std::array<std::pair<DriveKind, std::string_view>, 2> kNames{
        {{DriveKind::Disk, "disk"}, {DriveKind::Optical, "optical"}}};
};
template <>
struct EnumNames<DiskFormat> {
    static constexpr std::array<std::pair<DiskFormat, std::string_view>, 2> kNames{
        {{DiskFormat::Raw, "raw"}, {DiskFormat::Qcow2, "qcow2"}}};
};
template <>
struct EnumNames<DriveBus> {
    static constexpr std::array<std::pair<DriveBus, std::string_view>, 3> kNames{
        {{DriveBus::Sata, "sata"}, {DriveBus::Virtio, "virtio"}, {DriveBus::Nvme, "nvme"}}};
};
template <>
struct EnumNames<DiskErrorPolicy> {
    static constexpr std::array<std::pair<DiskErrorPolicy, std::string_view>, 3> kNames{
        {{DiskErrorPolicy::Report, "report"},
         {DiskErrorPolicy::Stop, "stop"},
         {DiskErrorPolicy::Ignore, "ignore"}}};
};
template <>
struct EnumNames<DriveCacheMode> {
    static constexpr std::array<std::pair<DriveCacheMode, std::string_view>, 3> kNames{
        {{DriveCacheMode::WriteBack, "writeback"},
         {DriveCacheMode::WriteThrough, "writethrough"},
         {DriveCacheMode::Direct, "direct"}}};
};
template <>
struct EnumNames<SerialKind> {
    static constexpr std::array<std::pair<SerialKind, std::string_view>, 4> kNames{
        {{SerialKind::None, "none"},
         {SerialKind::Ring, "ring"},
         {SerialKind::File, "file"},
         {SerialKind::Stream, "stream"}}};
};

template <class Visitor, Is<FirmwareConfig> M>
void describe(Visitor& v, M& firmware) {
    v("kind", firmware.kind);
    v("romFd", firmware.romFd, DescriptorIndex{});
    v("videoRomFd", firmware.videoRomFd, DescriptorIndex{});
    v("bootMenuMs", firmware.bootMenuMs, upTo(65535));
}

template <class Visitor, Is<KernelModuleConfig> M>
void describe(Visitor& v, M& module) {
    v("fd", module.fd, DescriptorIndex{});
    v("commandLine", module.commandLine, upTo(kMaxCommandLineBytes));
}

template <class Visitor, Is<KernelConfig> M>
void describe(Visitor& v, M& kernel) {
    v("kernelFd", kernel.kernelFd, DescriptorIndex{});
    v("initrdFd", kernel.initrdFd, DescriptorIndex{});
    v("commandLine", kernel.commandLine, upTo(kMaxCommandLineBytes));
    v("modules", kernel.modules, upTo(32));
}

template <class Visitor, Is<ImageConfig> M>
void describe(Visitor& v, M& image) {
    v("fd", image.fd, DescriptorIndex{});
    v("format", image.format);
}

template <class Visitor, Is<DriveConfig> M>
void describe(Visitor& v, M& drive) {
    v("id", drive.id, FieldRange{1, 64});
    v("kind", drive.kind);
    v("bus", drive.bus);
    v("port", drive.port, upTo(7));
    v("images", drive.images, upTo(kMaxChainFiles));
    v("mediumName", drive.mediumName, upTo(kMaxNameBytes));
    v("readOnly", drive.readOnly);
    v("serialNumber", drive.serialNumber, upTo(20));
    v("bootIndex", drive.bootIndex, FieldRange{-1, 255});
    v("errorPolicy", drive.errorPolicy);
    v("fullPolicy", drive.fullPolicy);
    v("cacheMode", drive.cacheMode);
}

template <class Visitor, Is<SerialConfig> M>
void describe(Visitor& v, M& serial) {
    v("port", serial.port, upTo(3));
    v("kind", serial.kind);
    v("outputFd", serial.outputFd, DescriptorIndex{});
    v("inputFd", serial.inputFd, DescriptorIndex{});
    v("listenFd", serial.listenFd, DescriptorIndex{});
}

template <class Visitor, Is<NetworkCardConfig> M>
void describe(Visitor& v, M& card) {
    v("slot", card.slot, upTo(kMaxNetworkCards - 1));
    v("macAddress", card.macAddress, FieldRange{1, 64});
}

template <class Visitor, Is<DisplayConfig> M>
void describe(Visitor& v, M& display) {
    v("videoMemoryBytes", display.videoMemoryBytes, FieldRange{1 << 20, 256 << 20});
    v("preferredWidth", display.preferredWidth, FieldRange{320, kMaxScanoutWidth});
    v("preferredHeight", display.preferredHeight, FieldRange{200, kMaxScanoutHeight});
}

template <class Visitor, Is<VncConfig> M>
void describe(Visitor& v, M& vnc) {
    v("listenFd", vnc.listenFd, DescriptorIndex{});
    v("password", vnc.password, upTo(1024));
    v("readOnly", vnc.readOnly);
}

template <class Visitor, Is<FileConfig> M>
void describe(Visitor& v, M& file) {
    v("fd", file.fd, DescriptorIndex{});
}

template <class Visitor, Is<RamImageConfig> M>
void describe(Visitor& v, M& image) {
    v("indexFd", image.indexFd, DescriptorIndex{});
    v("files", image.files, upTo(32));
}

template <class Visitor, Is<RestoreConfig> M>
void describe(Visitor& v, M& restore) {
    v("stateFd", restore.stateFd, DescriptorIndex{});
    v("ram", restore.ram);
}

template <class Visitor, Is<MachineConfig> M>
void describe(Visitor& v, M& config) {
    constexpr uint64_t kMaxMemoryBytes = uint64_t{1} << 44; // 16 TiB
    constexpr int64_t kMaxOffsetSeconds = int64_t{200} * 366 * 86400;
    v("id", config.id, upTo(64));
    v("name", config.name, upTo(64 * 1024));
    v("memoryBytes", config.memoryBytes, FieldRange{1 << 20, kMaxMemoryBytes});
    v("cpuCount", config.cpuCount, FieldRange{1, 1024});
    v("accelerator", config.accelerator);
    v("firmware", config.firmware);
    v("kernel", config.kernel);
    v("drives", config.drives, upTo(kMaxDrives));
    v("serialPorts", config.serialPorts, upTo(4));
    v("networkCards", config.networkCards, upTo(kMaxNetworkCards));
    v("display", config.display);
    v("vnc", config.vnc);
    v("restore", config.restore);
    v("generationId", config.generationId, upTo(64));
    v("rtcOffsetSeconds", config.rtcOffsetSeconds,
      FieldRange{-kMaxOffsetSeconds, static_cast<uint64_t>(kMaxOffsetSeconds)});
    v("hpet", config.hpet);
    v("exitDevice", config.exitDevice);
    v("stopOnTripleFault", config.stopOnTripleFault);
    v("exitWhenClientsLeave", config.exitWhenClientsLeave);
    v("debugConsoleFd", config.debugConsoleFd, DescriptorIndex{});
    v("lockFd", config.lockFd, DescriptorIndex{});
    v("listenFd", config.listenFd, DescriptorIndex{});
}

// Rules that concern more than one field; `field` is what a drive is called in an error. Error:
// InvalidArgument.
Result<void> checkDrive(const DriveConfig& drive, const std::string& field);
Result<void> checkConfig(const MachineConfig& config);

} // namespace vivarium::control
