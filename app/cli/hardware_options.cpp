#include "app/cli/hardware_options.h"

#include "app/cli/named_value.h"
#include "app/cli/printer.h"

#include <CLI/CLI.hpp>

#include <QFileInfo>

#include <algorithm>
#include <charconv>

namespace vivarium::cli {

namespace {

QString absolutePath(const std::string& path) {
    return QFileInfo(QString::fromLocal8Bit(path.c_str())).absoluteFilePath();
}

// "stdio" is for `run`, which takes the port's other end.
Result<SerialPortSettings> parseSerial(const std::string& text, uint32_t port) {
    const QString value = QString::fromStdString(text);
    if (value == QStringLiteral("console") || value == QStringLiteral("stdio"))
        return SerialPortSettings{port, SerialMode::Console, {}};
    if (value == QStringLiteral("none"))
        return SerialPortSettings{port, SerialMode::Disconnected, {}};
    if (value.startsWith(QStringLiteral("file:")))
        return SerialPortSettings{port, SerialMode::File, absolutePath(value.mid(5).toStdString())};
    if (value.startsWith(QStringLiteral("socket:")))
        return SerialPortSettings{port, SerialMode::Socket,
                                  absolutePath(value.mid(7).toStdString())};
    return badValue("--serial", text,
                    {QStringLiteral("console"), QStringLiteral("none"), QStringLiteral("file:PATH"),
                     QStringLiteral("socket:PATH")});
}

// "unattached" or "unattached,mac=ADDRESS"; without an address the card keeps the one it has, or
// gets a new one.
Result<NetworkCardSettings> parseNetworkCard(const std::string& text, uint32_t slot,
                                             const QList<NetworkCardSettings>& present) {
    const QString value = QString::fromStdString(text);
    if (value == QStringLiteral("unattached")) {
        for (const NetworkCardSettings& card : present)
            if (card.slot == slot)
                return card;
        return NetworkCardSettings{slot, MacAddress::random()};
    }
    const QString withAddress = QStringLiteral("unattached,mac=");
    if (!value.startsWith(withAddress))
        return badValue("--nic", text,
                        {QStringLiteral("none"), QStringLiteral("unattached"),
                         QStringLiteral("unattached,mac=ADDRESS")});
    const auto address = MacAddress::parse(value.mid(withAddress.size()).toStdString());
    if (!address)
        return fail(ErrorCode::InvalidArgument,
                    "--nic \"" + text + "\" has no MAC address such as 52:54:00:12:34:56.");
    return NetworkCardSettings{slot, *address};
}

Result<QList<NetworkCardSettings>> parseNetworkCards(const std::vector<std::string>& texts,
                                                     const QList<NetworkCardSettings>& present) {
    QList<NetworkCardSettings> cards;
    for (uint32_t slot = 0; slot < texts.size(); ++slot)
        if (texts[slot] != "none")
            cards << TRY(parseNetworkCard(texts[slot], slot, present));
    return cards;
}

Result<VncSettings> parseVnc(const std::string& text, const VncSettings& present) {
    VncSettings vnc = present;
    const QString value = QString::fromStdString(text);
    vnc.enabled = value != QStringLiteral("off");
    if (!vnc.enabled)
        return vnc;
    if (value.startsWith(QStringLiteral("unix:"))) {
        vnc.address = QStringLiteral("unix:") + absolutePath(value.mid(5).toStdString());
        return vnc;
    }
    vnc.port = 0;
    if (value == QStringLiteral("on")) {
        vnc.address = QStringLiteral("127.0.0.1");
        return vnc;
    }
    const qsizetype colon = value.lastIndexOf(u':');
    vnc.address = colon < 0 ? value : value.left(colon);
    if (colon >= 0) {
        bool isNumber = false;
        vnc.port = value.mid(colon + 1).toUInt(&isNumber);
        if (!isNumber || vnc.port == 0 || vnc.port > 65535)
            return fail(ErrorCode::InvalidArgument,
                        "--vnc \"" + text + "\" has no port between 1 and 65535.");
    }
    return vnc;
}

} // namespace

void HardwareOptions::addTo(CLI::App& command) {
    const char* group = "Hardware";
    command.add_option("--memory", m_memory, "Memory: 256M, 2G")->group(group);
    command.add_option("--cpus", m_cpus, "Number of processors")->group(group);
    command
        .add_option("--cdrom", m_opticalImages, "ISO image in an optical drive; empty: no medium")
        ->group(group)
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--disk", m_disks, "Disk image (raw or qcow2)")
        ->group(group)
        ->take_all()
        ->allow_extra_args(false);
    command
        .add_option("--disk-bus", m_diskBus, "What the disks are attached to: sata, nvme, virtio")
        ->group(group);
    command.add_option("--disk-format", m_diskFormat, "What the disk images are: raw, qcow2")
        ->group(group);
    command.add_option("--kernel", m_kernel, "Start this Linux, PVH or multiboot kernel directly")
        ->group(group);
    command.add_option("--initrd", m_initrd, "Initial RAM disk for --kernel")->group(group);
    command.add_option("--append", m_append, "Command line for --kernel")->group(group);
    command.add_option("--module", m_modules, "Multiboot module for --kernel")
        ->group(group)
        ->take_all()
        ->allow_extra_args(false);
    command
        .add_option("--serial", m_serial,
                    "COM1, COM2, ...: console, none, file:PATH, socket:PATH, stdio (run)")
        ->group(group)
        ->take_all()
        ->allow_extra_args(false);
    command
        .add_option("--nic", m_networkCards,
                    "Network adapters 1, 2, ...: none, unattached[,mac=ADDRESS]")
        ->group(group)
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--vnc", m_vnc, "VNC server: on, off, ADDRESS[:PORT], unix:PATH")
        ->group(group);
    command
        .add_option("--vnc-password", m_vncPassword, "Password of the VNC server (8 characters)")
        ->group(group);
    command.add_option("--firmware", m_firmware, "bios or uefi")->group(group);
    command.add_option("--accelerator", m_accelerator, "auto, kvm or software")->group(group);
    command.add_option("--video-memory", m_videoMemory, "Video memory: 16M")->group(group);
    command.add_option("--boot", m_bootOrder, "Boot order: optical,disk")->group(group);
    command.add_option("--guest-type", m_guestType, "Kind of guest: debian, windows10, other, ...")
        ->group(group);
    addSwitch(command, "--boot-menu,!--no-boot-menu", m_bootMenu, "Offer the firmware's boot menu")
        ->group(group);
    addSwitch(command, "--rtc-local-time,!--rtc-utc", m_rtcLocalTime,
              "The clock shows local time, not UTC")
        ->group(group);
    addSwitch(command, "--exit-device,!--no-exit-device", m_exitDevice,
              "isa-debug-exit at port 0xf4, for test guests")
        ->group(group);
}

CLI::Option* addSwitch(CLI::App& command, const char* names, std::optional<bool>& value,
                       const char* description) {
    return command.add_flag_function(
        names, [&value](std::int64_t count) { value = count > 0; }, description);
}

Result<void> HardwareOptions::apply(MachineSettings& settings, const FormatLookup& formatOf) const {
    if (m_memory) {
        const auto memory = parseMiB(*m_memory);
        if (!memory)
            return fail(ErrorCode::InvalidArgument,
                        "--memory \"" + *m_memory + "\" is not a size such as 512M or 2G.");
        settings.memoryMiB = *memory;
    }
    if (m_videoMemory) {
        const auto memory = parseMiB(*m_videoMemory);
        if (!memory)
            return fail(ErrorCode::InvalidArgument,
                        "--video-memory \"" + *m_videoMemory + "\" is not a size such as 16M.");
        settings.videoMemoryMiB = *memory;
    }
    settings.cpuCount = m_cpus.value_or(settings.cpuCount);
    TRY(applyName("--firmware", m_firmware, settings.firmware));
    TRY(applyName("--accelerator", m_accelerator, settings.accelerator));
    if (m_guestType)
        settings.guestType = QString::fromStdString(*m_guestType);
    if (m_bootOrder) {
        settings.bootOrder.clear();
        for (const QString& name : QString::fromStdString(*m_bootOrder).split(u',')) {
            BootDevice device{};
            TRY(applyName("--boot", std::optional(name.toStdString()), device));
            settings.bootOrder << device;
        }
    }
    if (m_kernel)
        settings.directBoot.kernelPath = m_kernel->empty() ? QString() : absolutePath(*m_kernel);
    if (m_initrd)
        settings.directBoot.initrdPath = m_initrd->empty() ? QString() : absolutePath(*m_initrd);
    if (m_append)
        settings.directBoot.commandLine = QString::fromLocal8Bit(m_append->c_str());
    if (!m_modules.empty()) {
        settings.directBoot.modulePaths.clear();
        for (const std::string& path : m_modules)
            settings.directBoot.modulePaths << absolutePath(path);
    }
    if (!m_serial.empty()) {
        settings.serialPorts.clear();
        for (const std::string& text : m_serial)
            settings.serialPorts << TRY(
                parseSerial(text, static_cast<uint32_t>(settings.serialPorts.size())));
    }
    if (!m_networkCards.empty())
        settings.networkCards = TRY(parseNetworkCards(m_networkCards, settings.networkCards));
    if (m_vnc)
        settings.vnc = TRY(parseVnc(*m_vnc, settings.vnc));
    if (m_vncPassword)
        settings.vnc.password = QString::fromLocal8Bit(m_vncPassword->c_str());
    settings.bootMenu = m_bootMenu.value_or(settings.bootMenu);
    settings.rtcLocalTime = m_rtcLocalTime.value_or(settings.rtcLocalTime);
    settings.exitDevice = m_exitDevice.value_or(settings.exitDevice);
    return applyDrives(settings, formatOf);
}

bool HardwareOptions::serialOnStandardStreams() const {
    return !m_serial.empty() && m_serial.front() == "stdio";
}

Result<DriveBus> HardwareOptions::diskBus() const {
    DriveBus bus = DriveBus::Sata;
    TRY(applyName("--disk-bus", m_diskBus, bus));
    return bus;
}

Result<void> HardwareOptions::applyDrives(MachineSettings& settings,
                                          const FormatLookup& formatOf) const {
    const DriveBus bus = TRY(diskBus());
    if (m_diskFormat && m_disks.empty())
        return fail(ErrorCode::InvalidArgument,
                    "--disk-format says what the images of --disk are; name them, too.");
    const auto attach = [&](DriveSettings drive) -> Result<void> {
        drive.port = firstFreePort(settings.drives, drive.bus);
        if (drive.port >= portCount(drive.bus))
            return fail(ErrorCode::InvalidArgument,
                        "A machine takes " + std::to_string(portCount(drive.bus)) + " drives by " +
                            nameOf(drive.bus).toStdString() + "; that many do not fit.");
        settings.drives << drive;
        return {};
    };
    const auto takeOut = [&](DriveType type) {
        QList<DriveSettings> taken;
        for (const DriveSettings& drive : std::as_const(settings.drives))
            if (drive.type == type)
                taken << drive;
        settings.drives.removeIf([type](const DriveSettings& drive) { return drive.type == type; });
        return taken;
    };
    if (!m_disks.empty()) {
        const QList<DriveSettings> before = takeOut(DriveType::HardDisk);
        for (const std::string& name : m_disks) {
            if (name.empty()) // --disk "" removes all
                continue;
            DriveSettings drive{DriveType::HardDisk, 0, absolutePath(name), false, bus};
            const auto known = std::find_if(before.begin(), before.end(), [&](const auto& other) {
                return other.path == drive.path;
            });
            if (m_diskFormat)
                TRY(applyName("--disk-format", m_diskFormat, drive.format));
            else
                drive.format = known != before.end() ? known->format : TRY(formatOf(drive.path));
            TRY(attach(drive));
        }
    } else if (m_diskBus) { // the disks that there are move
        for (DriveSettings drive : takeOut(DriveType::HardDisk)) {
            drive.bus = bus;
            TRY(attach(drive));
        }
    }
    if (m_opticalImages.empty())
        return {};
    takeOut(DriveType::Optical);
    for (const std::string& path : m_opticalImages)
        TRY(attach({DriveType::Optical, 0, path.empty() ? QString() : absolutePath(path), false,
                    DriveBus::Sata}));
    return {};
}

std::optional<uint32_t> parseMiB(const std::string& text) {
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest == text.data() || number > (uint64_t{1} << 40))
        return std::nullopt;
    std::string unit(rest, end);
    for (char& c : unit)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (unit == "g" || unit == "gb" || unit == "gib")
        number *= 1024;
    else if (unit == "t" || unit == "tb" || unit == "tib")
        number *= 1024 * 1024;
    else if (unit == "k" || unit == "kb" || unit == "kib")
        number = number % 1024 == 0 ? number / 1024 : 0;
    else if (!unit.empty() && unit != "m" && unit != "mb" && unit != "mib")
        return std::nullopt;
    if (number == 0 || number > UINT32_MAX)
        return std::nullopt;
    return static_cast<uint32_t>(number);
}

Result<void> requireValid(const MachineSettings& settings) {
    const auto problems = validate(settings);
    if (problems.isEmpty())
        return {};
    QStringList sentences;
    for (const SettingsProblem& problem : problems)
        sentences << problem.message;
    return fail(ErrorCode::InvalidArgument, sentences.join(u' ').toStdString());
}

} // namespace vivarium::cli
