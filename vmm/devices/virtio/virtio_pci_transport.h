#pragma once

#include "vmm/base/log.h"
#include "vmm/bus/host_doorbells.h"
#include "vmm/devices/pci/pci_device.h"
#include "vmm/devices/virtio/virtio_device.h"
#include "vmm/devices/virtio/virtqueue.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

// A virtio device as a PCI function (virtio 1.2, 4.1), without the interface of before 1.0:
// registers in BAR 0, MSI-X with one vector a queue and one for the configuration, or INTA#.
// Notifications come by HostDoorbells where the machine has them. Owner: the machine. Device lock.
class VirtioPciTransport final : public PciDevice, private VirtioHost {
public:
    struct Services {
        PciServices pci;
        const GuestMemory& memory;
        HostDoorbells* doorbells; // may be null
    };
    struct Options {
        std::string name;
        PciAddress address;
        VirtioType type;
        uint32_t classCode;               // as PciIdentity
        std::vector<uint16_t> queueSizes; // the largest of each queue; powers of two
    };
    using MakeDevice = std::function<std::unique_ptr<VirtioDevice>(VirtioHost& host)>;
    // Errors: the host's (doorbells).
    static Result<std::unique_ptr<VirtioPciTransport>> create(Options options, Services services,
                                                              const MakeDevice& makeDevice);
    ~VirtioPciTransport() override;

    VirtioDevice& device() { return *m_device; }
    // Lets the device look for work in every queue, as if the driver had notified them all.
    void notifyAllQueues();

    uint32_t readConfig(uint16_t offset, unsigned sizeBytes) override;
    void writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) override;
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint32_t deviceFeatureSelect = 0;
        uint32_t driverFeatureSelect = 0;
        uint64_t driverFeatures = 0;
        uint16_t configVector = 0xFFFF;
        uint16_t queueSelect = 0;
        uint8_t status = 0;
        uint8_t configGeneration = 0;
        uint8_t isr = 0;
    };
    struct Queue {
        std::unique_ptr<Virtqueue> ring;
        uint16_t vector = 0xFFFF;
        std::unique_ptr<HostDoorbell> doorbell; // null: the machine has none
    };

    VirtioPciTransport(const Options& options, Services services);
    void declareCapabilities();
    uint64_t offeredFeatures() const;
    bool driverRunning() const; // and allowed to be served

    uint64_t readRegisters(uint64_t offset, unsigned sizeBytes);
    void writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readCommon(uint64_t offset, unsigned sizeBytes) const;
    void writeCommon(uint64_t offset, unsigned sizeBytes, uint64_t value);
    void writeCommonField(uint64_t offset, unsigned sizeBytes, uint64_t value);
    void writeQueueField(Queue& queue, uint64_t offset, unsigned sizeBytes, uint64_t value);
    void setStatus(uint8_t value);
    bool featuresAccepted() const;
    uint16_t checkedVector(uint64_t vector) const;
    struct Window {
        uint64_t offset;
        unsigned sizeBytes; // 0: not usable
    };
    Window accessWindow() const;
    bool touchesAccessData(uint16_t offset, unsigned sizeBytes) const;

    void resetByDriver();
    void finishReset();
    void forgetDriver();
    void notify(unsigned queue);
    void interrupt(uint16_t vector, uint8_t isrBit);
    void mappingsChanged() override { placeDoorbells(); }
    void placeDoorbells();
    Result<void> restoreState(StateReader& reader);

    const GuestMemory& memory() const override { return m_services.memory; }
    uint16_t queueSize(unsigned queue) const override { return m_queues[queue].ring->size(); }
    std::optional<VirtioChain> take(unsigned queue) override;
    std::optional<VirtioChain> takeAgain(unsigned queue, uint16_t head) override;
    void untake(unsigned queue, uint16_t count) override { m_queues[queue].ring->untake(count); }
    void giveBack(unsigned queue, std::span<const VirtioUsed> chains) override;
    void configurationChanged() override;
    void needsReset(const std::string& reason) override;
    void resetFinished() override;

    Services m_services;
    State m_state;
    std::vector<Queue> m_queues;
    uint8_t m_accessCapability = 0;
    // Between the driver's reset and the host's last access to guest memory. Not saved: a state is
    // saved when the host has finished.
    bool m_resetWaits = false;
    LogLimiter m_complaints;
    std::unique_ptr<VirtioDevice> m_device; // last: uses the rest
};

} // namespace vivarium
