#include "vmm/control/machine_config.h"

#include "vmm/base/bytes.h"
#include "vmm/base/mac_address.h"
#include "vmm/control/machine_config_fields.h"

#include <set>

namespace vivarium::control {

namespace {

constexpr uint64_t kMiB = 1 << 20;

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

Error refuse(const std::string& field, const std::string& value, const std::string& wanted) {
    return fail(ErrorCode::InvalidArgument, field + " is " + value + "; it must be " + wanted);
}

Result<void> checkNetworkCards(const MachineConfig& config) {
    std::set<uint32_t> slots;
    for (size_t i = 0; i < config.networkCards.size(); ++i) {
        const NetworkCardConfig& card = config.networkCards[i];
        const std::string field = "networkCards[" + std::to_string(i) + "]";
        if (!slots.insert(card.slot).second)
            return refuse(field + ".slot", std::to_string(card.slot), "another than other cards'");
        const auto address = MacAddress::parse(card.macAddress);
        if (!address || !address->isIndividual())
            return refuse(field + ".macAddress", quoted(card.macAddress),
                          "one card's address such as \"52:54:00:12:34:56\"");
    }
    return {};
}

} // namespace

Result<void> checkDrive(const DriveConfig& drive, const std::string& field) {
    constexpr uint32_t kSataPorts = 6;
    if (drive.bus == DriveBus::Sata && drive.port >= kSataPorts)
        return refuse(field + ".port", std::to_string(drive.port), "0 to 5 for SATA");
    if (drive.kind == DriveKind::Optical && drive.bus != DriveBus::Sata)
        return refuse(field + ".bus", quoted(std::string(enumName(drive.bus))),
                      "sata for an optical drive");
    if (drive.kind == DriveKind::Disk && drive.images.empty())
        return refuse(field + ".images", "empty", "the files of the disk, base first");
    if (drive.kind == DriveKind::Optical && drive.images.size() > 1)
        return refuse(field + ".images", std::to_string(drive.images.size()) + " files",
                      "one file at most for an optical drive");
    for (size_t j = 0; j < drive.images.size(); ++j) {
        const ImageConfig& image = drive.images[j];
        const std::string name = field + ".images[" + std::to_string(j) + "]";
        if (image.fd < 0)
            return refuse(name + ".fd", "-1", "the descriptor of the image");
        if (image.format != DiskFormat::Raw && drive.kind == DriveKind::Optical)
            return refuse(name + ".format", quoted(std::string(enumName(image.format))), "raw");
        if (image.format == DiskFormat::Raw && j > 0)
            return refuse(name + ".format", "\"raw\"", "qcow2 above the base");
    }
    for (char c : drive.serialNumber)
        if (c < 0x20 || c > 0x7E)
            return refuse(field + ".serialNumber", quoted(drive.serialNumber),
                          "printable ASCII characters");
    return {};
}

Result<void> checkConfig(const MachineConfig& config) {
    if (config.memoryBytes % kMiB != 0)
        return refuse("memoryBytes", std::to_string(config.memoryBytes), "a multiple of 1 MiB");
    if (config.firmware.kind == FirmwareKind::Bios && config.firmware.romFd < 0)
        return refuse("firmware.romFd", "-1", "the descriptor of the BIOS image");
    if (config.firmware.kind == FirmwareKind::None && config.kernel.kernelFd < 0)
        return refuse("kernel.kernelFd", "-1", "a kernel's descriptor when there is no firmware");
    uint64_t videoBytes = config.display.videoMemoryBytes;
    if ((videoBytes & (videoBytes - 1)) != 0)
        return refuse("display.videoMemoryBytes", std::to_string(videoBytes), "a power of two");
    std::set<std::string> ids;
    std::set<std::pair<DriveBus, uint32_t>> ports;
    for (size_t i = 0; i < config.drives.size(); ++i) {
        const DriveConfig& drive = config.drives[i];
        std::string field = "drives[" + std::to_string(i) + "]";
        if (!ids.insert(drive.id).second)
            return refuse(field + ".id", quoted(drive.id), "unique");
        TRY(checkDrive(drive, field));
        if (!ports.insert({drive.bus, drive.port}).second)
            return refuse(field + ".port", std::to_string(drive.port),
                          "another than other drives'");
    }
    if (config.restore.stateFd >= 0 && config.restore.ram.indexFd < 0)
        return refuse("restore.ram.indexFd", "-1", "the memory image that belongs to the state");
    std::set<uint32_t> serialPorts;
    for (size_t i = 0; i < config.serialPorts.size(); ++i) {
        const SerialConfig& serial = config.serialPorts[i];
        std::string field = "serialPorts[" + std::to_string(i) + "]";
        if (!serialPorts.insert(serial.port).second)
            return refuse(field + ".port", std::to_string(serial.port),
                          "another than other ports'");
        if (serial.kind == SerialKind::File && serial.outputFd < 0)
            return refuse(field + ".outputFd", "-1", "the descriptor of the file");
        if (serial.kind == SerialKind::Stream && serial.outputFd < 0 && serial.listenFd < 0)
            return refuse(field + ".outputFd", "-1", "a descriptor, or listenFd must be one");
    }
    return checkNetworkCards(config);
}

nlohmann::json toJson(const MachineConfig& config) {
    return describedToJson(config);
}

Result<MachineConfig> machineConfigFromJson(const nlohmann::json& json, int descriptorCount) {
    MachineConfig config = TRY(describedFromJson<MachineConfig>(
        json, descriptorCount > 0 ? static_cast<size_t>(descriptorCount) : 0));
    TRY(checkConfig(config));
    return config;
}

} // namespace vivarium::control
