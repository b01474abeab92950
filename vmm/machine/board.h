#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/backends/input/input_router.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/task_queue.h"
#include "vmm/base/timer_queue.h"
#include "vmm/base/unique_fd.h"
#include "vmm/bus/accelerator.h"
#include "vmm/bus/device.h"
#include "vmm/bus/device_lock.h"
#include "vmm/bus/host_doorbells.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"
#include "vmm/control/machine_config.h"
#include "vmm/control/messages.h"
#include "vmm/devices/storage/storage_listener.h"
#include "vmm/disk/chain/disk_chain.h"
#include "vmm/memory/guest_memory.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// What a board is built on; everything is borrowed and outlives it.
struct BoardServices {
    EventLoop& loop;
    DeviceLock& deviceLock;
    const GuestMemory& memory;
    PortBus& ports;
    MemoryMap& memoryMap;
    TimerQueue& timers;
    TaskQueue& tasks;
    InterruptSink& interrupts;
    DirtyLog* dirtyLog;       // null: nothing keeps a log (qtest)
    HostDoorbells* doorbells; // null: guest writes always reach the bus
    SystemControl& system;
    StorageListener& storageListener;
    // APIC ids in order of processor; the first boots.
    std::vector<uint32_t> apicIds;
    // The HPET takes the place of the PIT or gives it back. May be empty.
    std::function<void(Accelerator::PitOutput)> setPitOutput;
    // First thing on every thread that a part of the board starts. May be empty.
    std::function<void()> diskThreadStarted;
    std::function<void()> vncThreadStarted;
};

// The descriptors that came with a configuration; each is taken once.
class ConfigDescriptors {
public:
    explicit ConfigDescriptors(std::vector<UniqueFd> descriptors)
        : m_descriptors(std::move(descriptors)) {}
    // Errors: InvalidArgument (no such index, or taken before), naming `what`.
    Result<UniqueFd> take(int index, const char* what);
    // A second descriptor of one that is still to be taken. Errors: as take, and the system's.
    Result<UniqueFd> duplicate(int index, const char* what) const;
    // Those that have not been taken.
    std::vector<int> numbers() const;

private:
    Result<size_t> find(int index, const char* what) const;
    std::vector<UniqueFd> m_descriptors;
};

// A drive that is ready to be attached.
struct OpenDrive {
    control::DriveConfig config;
    std::unique_ptr<DiskChain> image; // null: an empty optical drive
};

// The disk engine's name for a format of the protocol.
ImageFormat imageFormatOf(control::DiskFormat format);

// All devices of one machine, wired. Only machine_builder.cpp knows their types. Device lock held
// for every call unless said otherwise; created and destroyed with the vCPUs stopped, lock free.
class Board {
public:
    virtual ~Board() = default;

    // In the order of reset, save and restore.
    virtual const std::vector<Device*>& devices() const = 0;
    virtual Display& display() = 0;
    virtual InputRouter& input() = 0;

    // Puts kernel and modules into guest memory (again, after a reset): the first vCPU's registers.
    // nullopt: the machine starts in its firmware.
    virtual Result<std::optional<VcpuRegisters>> loadDirectBoot() = 0;
    // Whether the guest has asked to be told of the press (ACPI 6.4, 4.8.2.2.1).
    enum class Heard { Yes, No };
    virtual Heard pressPowerButton() = 0;

    virtual Result<void> changeMedium(const std::string& driveId, UniqueFd image,
                                      const std::string& mediumName, bool force) = 0;
    virtual std::vector<control::DriveStatus> drives() const = 0;
    // Waits for the host's disk I/O; completions are then posted.
    virtual void drainIo() = 0;
    virtual void retryStalledRequests() = 0;
    // The machine begins to run or goes on: network cards tell their drivers what has changed and
    // look for work.
    virtual void resumeNetwork() = 0;
    // Opens a drive's images. Without the device lock: it reads files.
    virtual Result<OpenDrive> openDrive(const control::DriveConfig& config,
                                        ConfigDescriptors& descriptors) const = 0;
    // A drive comes to or leaves the running machine: SATA only. The guest is told. The image of
    // one that left is flushed when it is destroyed, which wants no device lock held. Errors as the
    // protocol's attachDrive and detachDrive.
    virtual Result<void> attachDrive(OpenDrive drive) = 0;
    virtual Result<std::unique_ptr<BlockDevice>> detachDrive(const std::string& driveId,
                                                             bool force) = 0;
    // The disk's image has another size than before.
    virtual void driveResized(const std::string& driveId) = 0;
    // A disk's image chain, which lives until the drive is detached; null for discs and unknown
    // drives.
    virtual DiskChain* disk(const std::string& driveId) = 0;
    // A drive has let its medium go by itself.
    virtual void forgetMedium(const std::string& driveId) = 0;

    // A stream socket with the port's history and live line. Errors: NotFound, LimitExceeded.
    virtual Result<UniqueFd> attachSerial(uint32_t port) = 0;
    virtual uint32_t vncClientCount() const = 0;
};

// Builds the Q35 PC that `config` describes. Takes what it needs of `descriptors`. Errors name the
// part: InvalidArgument, Unsupported, NoSpace, Corrupt (kernel), host errors.
Result<std::unique_ptr<Board>> buildBoard(const control::MachineConfig& config,
                                          ConfigDescriptors& descriptors,
                                          const BoardServices& services);

} // namespace vivarium
