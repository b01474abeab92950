#pragma once

#include "vmm/base/task_queue.h"
#include "vmm/devices/storage/drive_io.h"
#include "vmm/devices/storage/prd_table.h"
#include "vmm/devices/storage/storage_controller.h"
#include "vmm/devices/virtio/virtio_device.h"
#include "vmm/devices/virtio/virtio_pci_transport.h"
#include "vmm/disk/block_device.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

// A disk of a VirtioBlock.
struct VirtioBlockDisk {
    std::string id; // names the drive in calls and reports; unique in the machine
    std::unique_ptr<BlockDevice> image;
    std::string serialNumber; // at most 20 printable ASCII characters; "": from id
    DriveErrorPolicies errorPolicy{};
    unsigned queueCount = 1; // 1..kMaxQueues; one a vCPU is best
};

// A virtio block device (virtio 1.2, 5.2). Its data goes straight between the image and the
// driver's buffers. Owner: its VirtioPciTransport. Device lock.
class VirtioBlock final : public VirtioDevice, public StorageController {
public:
    static constexpr unsigned kMaxQueues = 16;
    static constexpr uint16_t kQueueSize = 256;

    struct Services {
        PciServices pci;
        const GuestMemory& memory;
        TaskQueue& tasks;
        StorageListener& listener;
        HostDoorbells* doorbells; // may be null
    };
    struct Function {
        std::unique_ptr<VirtioPciTransport> transport; // owns the disk
        VirtioBlock* disk;
    };
    // A PCI function with this disk, called "virtio-block-<id>". Errors: InvalidArgument (id,
    // serial number, queue count, no image, less than one sector), the host's.
    static Result<Function> create(PciAddress address, Services services, VirtioBlockDisk disk);
    ~VirtioBlock() override;

    void retryStalledRequests() override;
    void drainIo() override { m_io.drain(); }
    bool busy() const override { return m_io.busy(); }
    std::vector<DriveReport> drives() const override;
    void imageResized() override { m_host.configurationChanged(); }

    uint64_t features() const override;
    std::vector<uint8_t> configuration() const override;
    void writeConfiguration(uint32_t offset, unsigned sizeBytes, uint32_t value) override;
    void start(uint64_t features) override { m_state.features = features; }
    void queueNotified(unsigned queue) override;
    ResetProgress beginReset() override;
    void finishReset() override { m_io.cancel(); }
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint64_t features = 0; // the driver's; the transport saves them
        bool writeBack = true;
    };
    // A chain that is being worked on.
    struct Request {
        uint16_t queue = 0;
        uint16_t head = 0;
        uint8_t* status = nullptr; // in guest memory
        uint32_t replyBytes = 0;   // written to the chain when it succeeds, with the status
        unsigned parts = 1;        // disk requests that are not over
        uint8_t result = 0;        // first failure
        bool flushAfter = false;   // the driver has no write cache
    };
    struct Header {
        uint32_t type;
        uint32_t reserved;
        uint64_t sector;
    };
    struct Range {
        uint64_t sector;
        uint32_t sectorCount;
        uint32_t flags;
    };
    static_assert(sizeof(Header) == 16 && sizeof(Range) == 16);
    struct TakenChain { // of a restored state: where its chain is
        uint16_t queue;
        uint16_t head;
    };

    VirtioBlock(VirtioHost& host, VirtioBlockDisk disk, Services services);
    uint64_t sectorCount() const { return m_io.image()->sizeBytes() / 512; }
    bool writeThrough() const;
    void begin(unsigned queue, const VirtioChain& chain);
    void transfer(uint64_t id, BlockRequest::Kind kind, uint64_t sector, uint64_t bytes,
                  std::vector<iovec> buffers);
    void clear(uint64_t id, BlockRequest::Kind kind, const GuestBuffers& list);
    void sendId(uint64_t id, const GuestBuffers& data);
    void partDone(uint64_t id, int error);
    void finish(uint64_t id, uint8_t status);
    void continueLater(unsigned queue);

    VirtioHost& m_host;
    TaskQueue& m_tasks;
    std::string m_serialNumber;
    const unsigned m_queueCount;
    DriveIo m_io;
    State m_state;
    std::map<uint64_t, Request> m_requests; // by id: in the order in which they were taken
    uint64_t m_nextId = 1;
    std::vector<TakenChain> m_restored; // taken before the state was saved, not begun again yet
    struct Load {
        unsigned inFlight = 0;
        bool limited = false; // chains wait for others to end
    };
    std::vector<Load> m_load;             // by queue
    std::shared_ptr<VirtioBlock*> m_self; // for posted tasks, which can outlive the disk
};

} // namespace vivarium
