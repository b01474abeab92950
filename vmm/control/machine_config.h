#pragma once

#include "vmm/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace vivarium::control {

// Everything a worker needs to build one guest. core/supervisor makes it from MachineSettings; file
// descriptors travel beside the `configure` request and are named by their index in it (-1: none).
// Paths never appear: the worker cannot open any.

enum class FirmwareKind : uint8_t { Bios, Uefi, None /* direct kernel boot */ };

struct FirmwareConfig {
    FirmwareKind kind = FirmwareKind::Bios;
    int romFd = -1;          // SeaBIOS image (Bios)
    int videoRomFd = -1;     // VGA option ROM
    uint32_t bootMenuMs = 0; // 0: no boot menu wait
};

struct KernelModuleConfig {
    int fd = -1;
    std::string commandLine;
};

// Direct boot of a Linux bzImage, a PVH ELF or a multiboot kernel; used when kernelFd >= 0.
struct KernelConfig {
    int kernelFd = -1;
    int initrdFd = -1; // Linux and PVH; a multiboot kernel gets it as its first module
    std::string commandLine;
    std::vector<KernelModuleConfig> modules; // multiboot
};

enum class DriveKind : uint8_t { Disk, Optical };
enum class DiskFormat : uint8_t { Raw, Qcow2 };
enum class DiskErrorPolicy : uint8_t { Report, Stop, Ignore };
// How the host treats what a guest writes: WriteBack keeps it in the page cache until the guest
// flushes, WriteThrough puts every write on the medium before it is over, Direct goes around the
// page cache (reads, too) and is otherwise like WriteBack.
enum class DriveCacheMode : uint8_t { WriteBack, WriteThrough, Direct };
// What a disk is attached to. Optical drives are on the SATA controller.
enum class DriveBus : uint8_t { Sata, Virtio, Nvme };

struct ImageConfig {
    int fd = -1;
    DiskFormat format = DiskFormat::Raw; // stated, never guessed
};

struct DriveConfig {
    std::string id; // unique in the machine: "sata0"; also names it in changeMedium
    DriveKind kind = DriveKind::Disk;
    DriveBus bus = DriveBus::Sata;
    uint32_t port = 0; // SATA: 0..5; virtio and NVMe: 0..7, each a PCI slot of its own
    // The disk's files, base first, 1..64; each but the first has the one before it as its backing
    // file. A disc is one raw file. None: an empty optical drive.
    std::vector<ImageConfig> images;
    std::string mediumName; // shown to users only
    bool readOnly = false;
    std::string serialNumber;                              // at most 20 printable characters
    int bootIndex = -1;                                    // 0 boots first; -1 not at all
    DiskErrorPolicy errorPolicy = DiskErrorPolicy::Report; // the host's errors but the next
    DiskErrorPolicy fullPolicy = DiskErrorPolicy::Stop;    // no space left for a write
    DriveCacheMode cacheMode = DriveCacheMode::WriteBack;
};

enum class SerialKind : uint8_t { None, Ring /* history, for attach */, File, Stream };

struct SerialConfig {
    uint32_t port = 0; // 0..3: COM1..COM4
    SerialKind kind = SerialKind::Ring;
    int outputFd = -1; // File and Stream
    int inputFd = -1;  // Stream; may equal outputFd's index
    int listenFd = -1; // Stream: a listening Unix socket instead
};

// A network card (virtio-net).
struct NetworkCardConfig {
    uint32_t slot = 0;      // 0..3, a PCI slot of its own
    std::string macAddress; // an individual one, as MacAddress::parse() reads it
};

struct DisplayConfig {
    uint64_t videoMemoryBytes = 16 << 20; // a power of two, 1..256 MiB
    uint32_t preferredWidth = 1280, preferredHeight = 800;
};

struct VncConfig {
    int listenFd = -1;    // a listening socket; -1: no VNC server
    std::string password; // empty: none; VNC uses 8 bytes at most
    bool readOnly = false;
};

struct FileConfig {
    int fd = -1;
};

// A memory image in several files (vmm/snapshot/README.md), all open for reading.
struct RamImageConfig {
    int indexFd = -1;              // -1: none
    std::vector<FileConfig> files; // as the index counts them; at most 32
};

// What `start` continues from instead of a reset.
struct RestoreConfig {
    int stateFd = -1; // -1: begin with a reset
    RamImageConfig ram;
};

// What executes the guest. Auto takes KVM where it can, else software; the status says which and
// why.
enum class AcceleratorChoice : uint8_t { Auto, Kvm, Software };

struct MachineConfig {
    std::string id; // UUID, also the SMBIOS system UUID
    std::string name;
    uint64_t memoryBytes = 256ull << 20; // whole MiB
    uint32_t cpuCount = 1;
    AcceleratorChoice accelerator = AcceleratorChoice::Auto;
    FirmwareConfig firmware;
    KernelConfig kernel;
    std::vector<DriveConfig> drives;
    std::vector<SerialConfig> serialPorts;
    std::vector<NetworkCardConfig> networkCards;
    DisplayConfig display;
    VncConfig vnc;
    RestoreConfig restore;
    // UUID that changes whenever the guest's past was cut or copied (Virtual Machine Generation ID
    // 1.0); empty: the machine's id.
    std::string generationId;
    int64_t rtcOffsetSeconds = 0; // added to UTC: local time for guests that expect it
    bool hpet = true;
    bool exitDevice = false; // isa-debug-exit at 0xF4
    bool stopOnTripleFault = false;
    bool exitWhenClientsLeave = false; // throw-away machines end with their last client
    int debugConsoleFd = -1;           // port 0x402 log; -1: into the worker's log at level info
    // The held machine-folder lock: kept open, and the last thing the worker does is to append the
    // line "exited <stop reason>" to it, which tells an end that nobody watched from a crash.
    int lockFd = -1;
    int listenFd = -1; // listening control socket for further clients
};

// JSON form, field names as above; enums by lower-case name ("bios", "optical", "ring", ...).
nlohmann::json toJson(const MachineConfig& config);
// Checks types and every stated bound, and that descriptor indices are below `descriptorCount`;
// unknown fields are ignored. Error: InvalidArgument naming the field, its value and the range.
Result<MachineConfig> machineConfigFromJson(const nlohmann::json& json, int descriptorCount);

} // namespace vivarium::control
