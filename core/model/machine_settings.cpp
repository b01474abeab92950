#include "core/model/machine_settings.h"

#include "core/model/mac_address_text.h"
#include "core/model/setting_names.h"

#include <QHash>
#include <QSet>

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

using Kind = SettingsProblem::Kind;

constexpr uint32_t kSerialPortCount = 4;
constexpr uint32_t kMaxVideoMemoryMiB = 256;
constexpr int kMaxPathBytes = 4095;        // PATH_MAX without its terminator
constexpr int kMaxCommandLineBytes = 2047; // what every Linux kernel takes
constexpr int kMaxVncPasswordBytes = 8;    // RFB's DES challenge uses no more
constexpr int kMaxUnixPathBytes = 107;     // sockaddr_un without its terminator
constexpr int kMaxGuestTypeBytes = 64;

// A value as a message shows it: in quotes, and never longer than a line.
QString shown(const QString& value) {
    constexpr int kMaxShown = 40;
    QString text = value.left(kMaxShown);
    for (QChar& c : text)
        if (c.category() == QChar::Other_Control)
            c = u' ';
    return value.size() > kMaxShown ? u"“%1…”"_s.arg(text) : u"“%1”"_s.arg(text);
}

// Characters that would make a name lie about itself or break a line: controls, line separators,
// lone surrogates and the bidirectional overrides (which reorder what stands around them).
bool isUnprintable(char32_t c) {
    switch (QChar::category(c)) {
    case QChar::Other_Control:
    case QChar::Separator_Line:
    case QChar::Separator_Paragraph:
        return true;
    default:
        return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    }
}

class Checker {
public:
    explicit Checker(const MachineSettings& settings) : m_settings(settings) {}

    QList<SettingsProblem> run() {
        checkName();
        checkSystem();
        checkDirectBoot();
        checkVnc();
        checkDrives();
        checkNetworkCards();
        checkSerialPorts();
        return m_problems;
    }

private:
    void add(const QString& field, Kind kind, const QString& message) {
        m_problems.append({field, kind, message});
    }

    void checkRange(const QString& field, const QString& title, uint32_t value, uint32_t low,
                    uint32_t high, const QString& unit) {
        if (value < low || value > high)
            add(field, Kind::OutOfRange,
                u"%1 is %2%5; it must be from %3 to %4%5."_s.arg(title)
                    .arg(value)
                    .arg(low)
                    .arg(high)
                    .arg(unit));
    }

    // An absolute path of at most kMaxPathBytes bytes.
    void checkPath(const QString& field, const QString& title, const QString& path) {
        if (path.isEmpty())
            add(field, Kind::Empty,
                u"%1 is empty; it must be the absolute path of a file."_s.arg(title));
        else if (path.toUtf8().size() > kMaxPathBytes)
            add(field, Kind::TooLong,
                u"%1 has %2 bytes; a path may have at most %3."_s.arg(title)
                    .arg(path.toUtf8().size())
                    .arg(kMaxPathBytes));
        else if (path.contains(QChar(u'\0')))
            add(field, Kind::BadCharacter, u"%1 contains a null character."_s.arg(title));
        else if (!path.startsWith(u'/'))
            add(field, Kind::BadCharacter,
                u"%1 is %2; it must be an absolute path, which starts with “/”."_s.arg(
                    title, shown(path)));
    }

    void checkName() {
        const QString& name = m_settings.name;
        const auto bytes = name.toUtf8().size();
        if (name.trimmed().isEmpty()) {
            add(u"name"_s, Kind::Empty,
                u"The name is empty; it must have 1 to %1 bytes."_s.arg(
                    MachineSettings::kMaxNameLength));
            return;
        }
        if (bytes > MachineSettings::kMaxNameLength) {
            add(u"name"_s, Kind::TooLong,
                u"The name %1 has %2 bytes; it must have 1 to %3."_s.arg(shown(name))
                    .arg(bytes)
                    .arg(MachineSettings::kMaxNameLength));
            return;
        }
        const QList<uint> characters = name.toUcs4();
        if (!name.isValidUtf16() ||
            std::any_of(characters.begin(), characters.end(), isUnprintable))
            add(u"name"_s, Kind::BadCharacter,
                u"The name %1 contains a line break or another character that cannot be shown; use letters, digits, spaces and signs except “/”."_s
                    .arg(shown(name)));
        else if (name.contains(u'/'))
            add(u"name"_s, Kind::BadCharacter,
                u"The name %1 contains “/”; it names a folder, so use letters, digits, spaces and signs except “/”."_s
                    .arg(shown(name)));
        else if (name == u"."_s || name == u".."_s)
            add(u"name"_s, Kind::BadCharacter,
                u"The name %1 cannot name a folder; use at least one letter or digit."_s.arg(
                    shown(name)));
        else if (name != name.trimmed())
            add(u"name"_s, Kind::BadCharacter,
                u"The name %1 starts or ends with a space; remove it."_s.arg(shown(name)));
    }

    void checkSystem() {
        const auto typeBytes = m_settings.guestType.toUtf8().size();
        if (typeBytes == 0 || typeBytes > kMaxGuestTypeBytes)
            add(u"guestType"_s, typeBytes == 0 ? Kind::Empty : Kind::TooLong,
                u"The guest type %1 has %2 bytes; it must have 1 to %3."_s
                    .arg(shown(m_settings.guestType))
                    .arg(typeBytes)
                    .arg(kMaxGuestTypeBytes));
        checkRange(u"memoryMiB"_s, u"The memory"_s, m_settings.memoryMiB,
                   MachineSettings::kMinMemoryMiB, MachineSettings::kMaxMemoryMiB, u" MiB"_s);
        checkRange(u"cpuCount"_s, u"The number of processors"_s, m_settings.cpuCount, 1,
                   MachineSettings::kMaxCpuCount, {});
        const uint32_t video = m_settings.videoMemoryMiB;
        if (video < 1 || video > kMaxVideoMemoryMiB || !std::has_single_bit(video))
            add(u"videoMemoryMiB"_s, Kind::OutOfRange,
                u"The video memory is %1 MiB; it must be a power of two from 1 to %2 MiB."_s
                    .arg(video)
                    .arg(kMaxVideoMemoryMiB));
        QSet<int> seen;
        for (BootDevice device : m_settings.bootOrder) {
            if (device == BootDevice::None)
                continue;
            if (seen.contains(static_cast<int>(device)))
                add(u"bootOrder"_s, Kind::Duplicate,
                    u"The boot order names “%1” twice; each device may stand in it once."_s.arg(
                        nameOf(device)));
            seen.insert(static_cast<int>(device));
        }
    }

    void checkDirectBoot() {
        const DirectBootSettings& boot = m_settings.directBoot;
        if (boot.kernelPath.isEmpty()) {
            if (!boot.initrdPath.isEmpty() || !boot.modulePaths.isEmpty() ||
                !boot.commandLine.isEmpty())
                add(u"directBoot.kernelPath"_s, Kind::Empty,
                    u"The kernel is empty although an initial RAM disk, a module or a command line is set; name a kernel or clear them."_s);
            return;
        }
        checkPath(u"directBoot.kernelPath"_s, u"The kernel"_s, boot.kernelPath);
        if (!boot.initrdPath.isEmpty())
            checkPath(u"directBoot.initrdPath"_s, u"The initial RAM disk"_s, boot.initrdPath);
        for (int i = 0; i < boot.modulePaths.size(); ++i)
            checkPath(u"directBoot.modulePaths[%1]"_s.arg(i), u"Kernel module %1"_s.arg(i + 1),
                      boot.modulePaths.at(i));
        const auto bytes = boot.commandLine.toUtf8().size();
        if (bytes > kMaxCommandLineBytes)
            add(u"directBoot.commandLine"_s, Kind::TooLong,
                u"The kernel command line has %1 bytes; it may have at most %2."_s.arg(bytes).arg(
                    kMaxCommandLineBytes));
        else if (boot.commandLine.contains(QChar(u'\0')))
            add(u"directBoot.commandLine"_s, Kind::BadCharacter,
                u"The kernel command line contains a null character."_s);
    }

    void checkVnc() {
        const VncSettings& vnc = m_settings.vnc;
        checkRange(u"vnc.port"_s, u"The VNC port"_s, vnc.port, 0, 65535, {});
        if (vnc.password.toUtf8().size() > kMaxVncPasswordBytes)
            add(u"vnc.password"_s, Kind::TooLong,
                u"The VNC password has %1 bytes; VNC uses at most %2."_s
                    .arg(vnc.password.toUtf8().size())
                    .arg(kMaxVncPasswordBytes));
        if (vnc.address.startsWith("unix:"_L1)) {
            const QString path = vnc.address.mid(5);
            if (!path.startsWith(u'/') || path.toUtf8().size() > kMaxUnixPathBytes)
                add(u"vnc.address"_s, Kind::OutOfRange,
                    u"The VNC address %1 is not “unix:” and an absolute path of at most %2 bytes."_s
                        .arg(shown(vnc.address))
                        .arg(kMaxUnixPathBytes));
        } else if (!isInternetAddress(vnc.address)) {
            add(u"vnc.address"_s, Kind::BadCharacter,
                u"The VNC address %1 is neither an IPv4 or IPv6 address nor “unix:” and a path."_s
                    .arg(shown(vnc.address)));
        }
    }

    static bool isInternetAddress(const QString& address) {
        const QByteArray text = address.toLatin1();
        in6_addr buffer{};
        return inet_pton(AF_INET, text.constData(), &buffer) == 1 ||
               inet_pton(AF_INET6, text.constData(), &buffer) == 1;
    }

    // "SATA port 1", "NVMe slot 0", "virtio slot 2"
    static QString place(const DriveSettings& drive) {
        switch (drive.bus) {
        case DriveBus::Sata:
            return u"SATA port %1"_s.arg(drive.port);
        case DriveBus::Nvme:
            return u"NVMe slot %1"_s.arg(drive.port);
        case DriveBus::Virtio:
            return u"virtio slot %1"_s.arg(drive.port);
        }
        return {};
    }

    void checkDrives() {
        std::set<std::pair<DriveBus, uint32_t>> ports;
        QHash<QString, bool> writable; // path -> some drive writes to it
        for (int i = 0; i < m_settings.drives.size(); ++i) {
            const DriveSettings& drive = m_settings.drives.at(i);
            const QString field = u"drives[%1]"_s.arg(i);
            checkRange(field + u".port"_s,
                       (drive.bus == DriveBus::Sata   ? u"The SATA port of drive %1"_s
                        : drive.bus == DriveBus::Nvme ? u"The NVMe slot of drive %1"_s
                                                      : u"The virtio slot of drive %1"_s)
                           .arg(i + 1),
                       drive.port, 0, portCount(drive.bus) - 1, {});
            const std::pair<DriveBus, uint32_t> port{drive.bus, drive.port};
            if (ports.contains(port))
                add(field + u".port"_s, Kind::Duplicate,
                    u"Two drives are on %1; each takes one."_s.arg(place(drive)));
            ports.insert(port);
            const bool disk = drive.type == DriveType::HardDisk;
            if (!disk && drive.bus != DriveBus::Sata)
                add(field + u".bus"_s, Kind::Unsupported,
                    u"Drive %1 is an optical drive; those are attached by SATA only."_s.arg(i + 1));
            if (!disk && drive.format != DiskFormat::Raw)
                add(field + u".format"_s, Kind::Unsupported,
                    u"Drive %1 is an optical drive; its media are raw images."_s.arg(i + 1));
            if (!disk && drive.path.isEmpty())
                continue;
            checkPath(field + u".path"_s,
                      (disk ? u"The disk image on %1"_s : u"The medium on %1"_s).arg(place(drive)),
                      drive.path);
            const bool writes = disk && !drive.readOnly;
            const auto earlier = writable.constFind(drive.path);
            if (!drive.path.isEmpty() && earlier != writable.constEnd() && (writes || *earlier))
                add(field + u".path"_s, Kind::Duplicate,
                    u"The image %1 is attached twice and written to; attach it once, or read-only."_s
                        .arg(shown(drive.path)));
            writable.insert(drive.path, writes || writable.value(drive.path));
        }
    }

    void checkNetworkCards() {
        QSet<uint32_t> slots;
        QSet<QString> addresses;
        for (int i = 0; i < m_settings.networkCards.size(); ++i) {
            const NetworkCardSettings& card = m_settings.networkCards.at(i);
            const QString field = u"networkCards[%1]"_s.arg(i);
            const QString address = macAddressText(card.macAddress);
            checkRange(field + u".slot"_s, u"The slot of network card %1"_s.arg(i + 1), card.slot,
                       0, NetworkCardSettings::kCount - 1, {});
            if (slots.contains(card.slot))
                add(field + u".slot"_s, Kind::Duplicate,
                    u"Two network cards are in slot %1; each takes one."_s.arg(card.slot));
            if (!card.macAddress.isIndividual())
                add(field + u".macAddress"_s, Kind::OutOfRange,
                    u"The MAC address %1 is not one card's; the first byte must be even, and not all may be zero."_s
                        .arg(address));
            else if (addresses.contains(address))
                add(field + u".macAddress"_s, Kind::Duplicate,
                    u"Two network cards have the MAC address %1; each needs its own."_s.arg(
                        address));
            slots.insert(card.slot);
            addresses.insert(address);
        }
    }

    void checkSerialPorts() {
        QSet<uint32_t> ports;
        for (int i = 0; i < m_settings.serialPorts.size(); ++i) {
            const SerialPortSettings& serial = m_settings.serialPorts.at(i);
            const QString field = u"serialPorts[%1]"_s.arg(i);
            checkRange(field + u".port"_s, u"The number of serial port %1"_s.arg(i + 1),
                       serial.port, 0, kSerialPortCount - 1, {});
            if (ports.contains(serial.port))
                add(field + u".port"_s, Kind::Duplicate,
                    u"Serial port %1 is set twice; each may be set once."_s.arg(serial.port));
            ports.insert(serial.port);
            if (serial.mode == SerialMode::File || serial.mode == SerialMode::Socket)
                checkPath(field + u".path"_s, u"The path of serial port %1"_s.arg(serial.port),
                          serial.path);
            if (serial.mode == SerialMode::Socket &&
                serial.path.toUtf8().size() > kMaxUnixPathBytes)
                add(field + u".path"_s, Kind::TooLong,
                    u"The path of serial port %1 has %2 bytes; a socket's path may have at most %3."_s
                        .arg(serial.port)
                        .arg(serial.path.toUtf8().size())
                        .arg(kMaxUnixPathBytes));
        }
    }

    const MachineSettings& m_settings;
    QList<SettingsProblem> m_problems;
};

} // namespace

uint32_t firstFreePort(const QList<DriveSettings>& drives, DriveBus bus) {
    uint32_t port = 0;
    while (port < portCount(bus) &&
           std::any_of(drives.begin(), drives.end(), [=](const DriveSettings& drive) {
               return drive.bus == bus && drive.port == port;
           }))
        ++port;
    return port;
}

QList<SettingsProblem> validate(const MachineSettings& settings) {
    return Checker(settings).run();
}

} // namespace vivarium
