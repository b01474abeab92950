#pragma once

#include "vmm/base/task_queue.h"
#include "vmm/devices/pci/pci_device.h"
#include "vmm/devices/storage/drive_io.h"
#include "vmm/devices/storage/nvme_command.h"
#include "vmm/devices/storage/nvme_identify.h"
#include "vmm/devices/storage/nvme_registers.h"
#include "vmm/devices/storage/storage_controller.h"
#include "vmm/devices/storage/storage_listener.h"
#include "vmm/disk/block_device.h"
#include "vmm/memory/guest_memory.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// The disk of an NvmeController.
struct NvmeDisk {
    std::string id; // names the drive in calls and reports; unique in the machine
    std::unique_ptr<BlockDevice> image;
    std::string serialNumber; // at most 20 printable ASCII characters; "": from id
    DriveErrorPolicies errorPolicy{};
};

// An NVM Express 1.4 controller with one namespace: an administration queue and up to 16 pairs of
// I/O queues, MSI-X with a vector for each, or INTA#. Owner: the machine. Device lock.
class NvmeController final : public PciDevice, public StorageController {
public:
    static constexpr unsigned kMaxIoQueues = 16;

    struct Services {
        PciServices pci;
        const GuestMemory& memory;
        TaskQueue& tasks;
        StorageListener& listener;
    };
    // A function called "nvme-<id>". Errors: InvalidArgument (id, serial number, no image, less
    // than one sector).
    static Result<std::unique_ptr<NvmeController>> create(PciAddress address, Services services,
                                                          NvmeDisk disk);
    ~NvmeController() override;

    void retryStalledRequests() override;
    void drainIo() override { m_io.drain(); }
    bool busy() const override { return m_io.busy(); }
    std::vector<DriveReport> drives() const override;
    void imageResized() override;

    void writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    static constexpr unsigned kQueueCount = kMaxIoQueues + 1; // queue 0 is for administration
    using Features = std::array<uint32_t, nvme::kFeatureCount>;

    // Sizes are in entries, 0: the queue does not exist.
    struct SubmissionQueue {
        uint32_t size = 0;
        uint64_t base = 0;
        uint32_t head = 0;
        uint32_t tail = 0;
        uint16_t completionQueue = 0;
        bool deleting = false; // ends with its last command
    };
    struct CompletionQueue {
        uint32_t size = 0;
        uint64_t base = 0;
        uint32_t head = 0;
        uint32_t tail = 0;
        uint16_t vector = 0;
        bool phase = true;
        bool interrupts = false;
    };
    struct State {
        uint32_t interruptMask = 0;
        uint32_t configuration = 0;
        uint32_t status = 0;
        uint32_t adminAttributes = 0;
        uint64_t adminSubmissionBase = 0;
        uint64_t adminCompletionBase = 0;
        std::array<SubmissionQueue, kQueueCount> submission{};
        std::array<CompletionQueue, kQueueCount> completion{};
        Features features{};
        // Asynchronous events (5.2): what has happened and has not been told, and what was told
        // and has not been read, by bit.
        uint8_t pendingEvents = 0;
        uint8_t toldEvents = 0;
    };
    // A command that was fetched and has not been completed.
    struct Active {
        uint16_t queue = 0;
        NvmeCommand command;
        bool begun = true;      // false: of a restored state, not begun again yet
        bool heldEvent = false; // an asynchronous event request that waits
        unsigned parts = 1;     // disk requests that are not over
        nvme::Status result = nvme::kSuccess;
        nvme::Status failure = nvme::kWriteFault; // what a host error means here
        bool flushAfter = false;
    };
    struct Load {            // derived from m_active; by submission queue
        unsigned active = 0; // without held event requests
        bool limited = false;
    };
    enum Event : uint8_t {
        kEventBadDoorbell = 1 << 0,
        kEventBadDoorbellValue = 1 << 1,
        kEventNamespaceChanged = 1 << 2,
    };

    NvmeController(PciAddress address, Services services, NvmeDisk disk);

    // Registers (nvme_controller.cpp).
    uint64_t readRegisters(uint64_t offset, unsigned sizeBytes);
    void writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint32_t readRegister(uint32_t offset) const;
    void writeRegister(uint32_t offset, uint32_t value);
    void writeConfiguration(uint32_t value);
    bool enable();
    void disable();
    void finishDisabling();
    void shutDown();
    void hostIdle();
    Result<void> restoreState(StateReader& reader);
    bool restoredQueuesAreSane(const State& state) const;

    // Queues (nvme_queues.cpp).
    bool serving() const; // enabled and allowed to use memory
    void ringDoorbell(uint32_t index, uint32_t value);
    void serve(unsigned queue);
    void serveAll();
    void continueLater(unsigned queue);
    bool roomForCompletion(unsigned completionQueue) const;
    void fetch(unsigned queue);
    void begin(uint64_t id);
    void complete(uint64_t id, nvme::Status status, uint32_t result = 0);
    void postCompletion(unsigned queue, uint16_t commandId, nvme::Status status, uint32_t result);
    void updateInterrupt();
    void queueDrained(unsigned queue);
    void raiseEvent(Event event);
    void tellEvents();

    // Administration commands (nvme_admin.cpp).
    void runAdmin(uint64_t id, const NvmeCommand& command);
    nvme::Status createCompletionQueue(const NvmeCommand& command);
    nvme::Status createSubmissionQueue(const NvmeCommand& command);
    nvme::Status deleteCompletionQueue(const NvmeCommand& command);
    void deleteSubmissionQueue(uint64_t id, const NvmeCommand& command);
    nvme::Status identify(const NvmeCommand& command);
    nvme::Status getLogPage(const NvmeCommand& command);
    nvme::Status setFeature(const NvmeCommand& command, uint32_t& result);
    nvme::Status getFeature(const NvmeCommand& command, uint32_t& result) const;
    void abort(uint64_t id, const NvmeCommand& command);
    void holdEventRequest(uint64_t id);
    nvme::Status sendData(const NvmeCommand& command, ConstByteSpan bytes);
    static Features defaultFeatures();
    NvmeIdentity identity() const;
    std::vector<uint8_t> healthLog() const;
    bool queueBaseFits(uint64_t base, uint64_t bytes) const;

    // I/O commands (nvme_io.cpp).
    void runIo(uint64_t id, const NvmeCommand& command);
    void transfer(uint64_t id, const NvmeCommand& command, BlockRequest::Kind kind);
    void writeZeroes(uint64_t id, const NvmeCommand& command);
    void manageDataset(uint64_t id, const NvmeCommand& command);
    void flush(uint64_t id);
    void submit(uint64_t id, BlockRequest::Kind kind, uint64_t sector, uint64_t sectorCount,
                std::vector<iovec> buffers);
    void partDone(uint64_t id, int error);
    uint64_t sectorCount() const { return m_io.image()->sizeBytes() / 512; }
    bool writeThrough() const { return m_state.features[nvme::kFeatureWriteCache] == 0; }

    Services m_services;
    std::string m_serialNumber;
    DriveIo m_io;
    State m_state;
    std::map<uint64_t, Active> m_active; // by id: in the order in which they were fetched
    uint64_t m_nextId = 1;
    std::array<Load, kQueueCount> m_load{};
    // Between the guest's reset and the host's last access to guest memory. Not saved: a state is
    // saved when the host has finished.
    bool m_disabling = false;
    std::shared_ptr<NvmeController*> m_self; // for posted tasks, which can outlive the controller
};

} // namespace vivarium
