#pragma once

#include "vmm/base/task_queue.h"
#include "vmm/devices/pci/pci_device.h"
#include "vmm/devices/storage/ahci_port_host.h"
#include "vmm/devices/storage/drive_io.h"
#include "vmm/devices/storage/storage_controller.h"
#include "vmm/devices/storage/storage_listener.h"
#include "vmm/disk/block_device.h"
#include "vmm/memory/guest_memory.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

class AhciPort;

// One drive of an AhciController.
struct AhciDrive {
    using Kind = DriveReport::Kind;
    std::string id;    // names the drive in calls and reports; unique in the machine
    unsigned port = 0; // 0..5, one drive a port
    Kind kind = Kind::Disk;
    std::unique_ptr<BlockDevice> image; // null: empty optical drive
    std::string serialNumber;           // disk: at most 20 printable ASCII characters; "": from id
    DriveErrorPolicies errorPolicy{};
};

// Intel ICH9's SATA controller in AHCI mode (8086:2922; AHCI 1.3.1) with 6 ports: SATA disks and
// ATAPI drives. Owner: the machine. All calls with the device lock held.
class AhciController final : public PciDevice, public StorageController, private AhciPortHost {
public:
    static constexpr unsigned kPortCount = 6;

    struct Services {
        PciServices pci;
        const GuestMemory& memory;
        TaskQueue& tasks;
        StorageListener& listener;
    };
    // Errors: InvalidArgument (port, duplicate id or port, serial number, a disk without image).
    static Result<std::unique_ptr<AhciController>> create(PciAddress address, Services services,
                                                          std::vector<AhciDrive> drives);
    ~AhciController() override;

    enum class ChangeMode { HonourLock, Force };
    // Puts `image` into optical drive `driveId`, or ejects with null; the tray ends up closed with
    // a medium, open without. Errors: NotFound (no such optical drive), Busy (the guest has locked
    // the tray; it is told that an eject is wanted).
    Result<void> changeMedium(const std::string& driveId, std::unique_ptr<BlockDevice> image,
                              ChangeMode mode);
    // Plugs a drive in or out while the guest may be running; it sees the link come or go. The
    // image of the drive that left is the caller's to destroy. Errors: as create(); NotFound, Busy
    // (the guest has locked the tray).
    Result<void> attachDrive(AhciDrive drive);
    Result<std::unique_ptr<BlockDevice>> detachDrive(const std::string& driveId, ChangeMode mode);
    void retryStalledRequests() override;
    void drainIo() override;
    bool busy() const override;
    std::vector<DriveReport> drives() const override;
    // SATA has no message for it: the guest identifies the disk again when its user asks it to.
    void imageResized() override {}

    void writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint32_t globalControl = 0;   // GHC
        uint32_t interruptStatus = 0; // IS
        uint32_t dataIndex = 0;       // of the index/data pair
    };

    AhciController(PciAddress address, Services services);
    Result<void> addDrive(AhciDrive drive);
    void declareConfiguration();
    AhciPort* findPort(const std::string& driveId) const;

    uint64_t readMmio(uint64_t offset, unsigned sizeBytes);
    void writeMmio(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readIndexData(uint64_t offset, unsigned sizeBytes);
    void writeIndexData(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint32_t readRegister(uint32_t offset) const;
    void writeRegister(uint32_t offset, uint32_t value);
    void resetAdapter();
    void updateInterrupt();
    Result<void> restoreState(StateReader& reader);

    void portInterruptChanged(unsigned port) override;
    bool memoryAccessAllowed() const override { return busMasterEnabled(); }

    Services m_services;
    State m_state;
    std::array<std::unique_ptr<AhciPort>, kPortCount> m_ports;
};

} // namespace vivarium
