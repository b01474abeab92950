#pragma once

#include "vmm/base/mac_address.h"
#include "vmm/base/result.h"

#include <QList>
#include <QString>
#include <QStringList>

#include <cstdint>
#include <optional>

namespace vivarium {

enum class Firmware { Bios, Uefi };
enum class Accelerator { Auto, Kvm, Software };
enum class DriveType { HardDisk, Optical };
// What a drive is attached to; optical drives are on the SATA controller.
enum class DriveBus { Sata, Nvme, Virtio };
// What is in a disk's image file. Always stated, never guessed again once a disk is attached.
enum class DiskFormat { Raw, Qcow2 };
// How the host treats what a guest writes to a disk: WriteBack keeps it in the page cache until the
// guest flushes, WriteThrough puts every write on the medium at once, Direct goes around the page
// cache.
enum class CacheMode { WriteBack, WriteThrough, Direct };
// What a host's error on a disk leads to: the guest is told, stopped until somebody resumes it, or
// not told.
enum class DiskErrorAction { Report, Stop, Ignore };
enum class BootDevice { HardDisk, Optical, None };
enum class SerialMode {
    Disconnected,
    Console /* kept in memory, viv serial attaches */,
    File,
    Socket
};
enum class CloseAction { Ask, KeepRunning, SaveState, Shutdown, PowerOff };
enum class ScaleMode { Fit, OneToOne, Integer };

// A disk or optical drive.
struct DriveSettings {
    DriveType type = DriveType::HardDisk;
    uint32_t port = 0; // on its bus: 0 to portCount(bus) - 1
    QString path;      // absolute, a disk's top layer; empty: an optical drive without medium
    bool readOnly = false;
    DriveBus bus = DriveBus::Sata;
    DiskFormat format = DiskFormat::Raw; // of a disk; media are raw
    // Of a disk.
    CacheMode cacheMode = CacheMode::WriteBack;
    DiskErrorAction onError = DiskErrorAction::Report;
    DiskErrorAction onFull = DiskErrorAction::Stop; // a write finds no space
    bool operator==(const DriveSettings&) const = default;
};

// How many drives a bus takes.
constexpr uint32_t portCount(DriveBus bus) {
    return bus == DriveBus::Sata ? 6 : 8;
}
// The lowest port of `bus` without a drive; portCount(bus) when all are taken.
uint32_t firstFreePort(const QList<DriveSettings>& drives, DriveBus bus);

struct SerialPortSettings {
    uint32_t port = 0; // 0..3: COM1..COM4
    SerialMode mode = SerialMode::Console;
    QString path; // File and Socket
    bool operator==(const SerialPortSettings&) const = default;
};

// A network card. There is no network that it can be attached to: its guest sees no link.
struct NetworkCardSettings {
    static constexpr uint32_t kCount = 4; // at most in one machine

    uint32_t slot = 0; // 0 to kCount - 1
    MacAddress macAddress;
    bool operator==(const NetworkCardSettings&) const = default;
};
// The addresses of a copy's network cards: new ones, or the original's, for a copy that takes its
// place.
enum class MacPolicy { New, Keep };

struct DirectBootSettings { // used when kernelPath is not empty
    QString kernelPath;
    QString initrdPath;
    QString commandLine;
    QStringList modulePaths; // multiboot
    bool operator==(const DirectBootSettings&) const = default;
};

struct VncSettings {
    bool enabled = false;
    QString address = QStringLiteral("127.0.0.1"); // or "unix:/path"
    uint32_t port = 0;                             // 0: the first free one from 5900
    QString password;
    bool operator==(const VncSettings&) const = default;
};

// All hardware and behaviour of one machine; a plain value. What the user edits, what the library
// stores; core/supervisor/config_translator turns it into the worker's MachineConfig.
struct MachineSettings {
    static constexpr uint32_t kMinMemoryMiB = 4, kMaxMemoryMiB = 2u << 20;
    static constexpr uint32_t kMaxCpuCount = 240;
    static constexpr int kMaxNameLength = 255; // UTF-8 bytes

    // General
    QString name;
    QString guestType = QStringLiteral("other"); // id from provision/guest_types
    // System
    uint32_t memoryMiB = 1024;
    uint32_t cpuCount = 1;
    Firmware firmware = Firmware::Bios;
    Accelerator accelerator = Accelerator::Auto;
    QList<BootDevice> bootOrder{BootDevice::Optical, BootDevice::HardDisk};
    bool rtcLocalTime = false;
    bool hpet = true;
    bool bootMenu = false; // wait for the firmware's boot menu key
    DirectBootSettings directBoot;
    // Display
    uint32_t videoMemoryMiB = 16; // a power of two, 1..256
    VncSettings vnc;
    // Storage, Network, Serial Ports
    QList<DriveSettings> drives;
    QList<NetworkCardSettings> networkCards;
    QList<SerialPortSettings> serialPorts{{0, SerialMode::Console, {}}};
    // User Interface
    CloseAction closeAction = CloseAction::Ask;
    ScaleMode scaleMode = ScaleMode::Fit;
    bool exitDevice = false; // isa-debug-exit, for test guests

    bool operator==(const MachineSettings&) const = default;
};

// A value that cannot be used; `message` is English for the command line, built as one sentence
// that names the field, the value and the allowed range. ui/text translates by `field` and
// `problem`.
struct SettingsProblem {
    enum class Kind { OutOfRange, Empty, TooLong, BadCharacter, Duplicate, NotFound, Unsupported };
    QString field; // "memoryMiB", "drives[1].path", ...
    Kind kind = Kind::OutOfRange;
    QString message;
};

// Checks values against each other and their stated ranges, not the host (memory available, files
// present: see core/provision/host_checks).
QList<SettingsProblem> validate(const MachineSettings& settings);

} // namespace vivarium
