#pragma once

#include "tests/support/pci_device_contract.h"
#include "vmm/devices/pci/pci_registers.h"
#include "vmm/devices/virtio/virtio_pci_transport.h"
#include "vmm/devices/virtio/virtio_registers.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium::test {

// Doorbells that a test rings; remembers where they are.
class RecordingDoorbells final : public HostDoorbells {
public:
    struct Bell {
        std::function<void()> rung;
        std::optional<Doorbell> place;
    };
    Result<std::unique_ptr<HostDoorbell>> create(std::function<void()> rung) override {
        bells.push_back(std::make_shared<Bell>(Bell{std::move(rung), std::nullopt}));
        return std::unique_ptr<HostDoorbell>(std::make_unique<Handle>(bells.back()));
    }
    std::vector<std::shared_ptr<Bell>> bells;

private:
    class Handle final : public HostDoorbell {
    public:
        explicit Handle(std::shared_ptr<Bell> bell) : m_bell(std::move(bell)) {}
        void place(std::optional<Doorbell> doorbell) override { m_bell->place = doorbell; }

    private:
        std::shared_ptr<Bell> m_bell;
    };
};

struct RingPiece {
    GuestAddress address = 0;
    uint32_t length = 0;
};
struct UsedElement {
    uint32_t head;
    uint32_t length;
    bool operator==(const UsedElement&) const = default;
};

// A driver for any virtio PCI function in a bench: finds its structures as drivers do, negotiates,
// builds rings in guest memory. One ring a queue at ring(queue), data from kBuffer on.
class VirtioDriver {
public:
    static constexpr GuestAddress kRings = 0x100000;
    static constexpr uint64_t kRingBytes = 0x4000;
    static constexpr GuestAddress kBuffer = 0x200000;
    static constexpr uint64_t kDriverArea = 0x1000;
    static constexpr uint64_t kDeviceArea = 0x2000;
    static constexpr uint64_t kIndirectTables = 0x3000;

    VirtioDriver(DeviceBench& bench, VirtioPciTransport& transport)
        : m_bench(bench), m_transport(&transport) {
        findStructures();
    }
    // Goes on with another function, to which the state of the one before was restored.
    void moveTo(VirtioPciTransport& transport) { m_transport = &transport; }

    // --- Registers ---
    void findStructures() {
        auto windows = placeBars(m_bench, *m_transport);
        msixTable = windows.barAddress[virtio::kMsixBar];
        MutexLocker locker(m_bench.lock);
        m_structures.clear();
        for (uint32_t at = config(pci::kCapabilityPointer, 1); at != 0; at = config(at + 1, 1)) {
            if (config(at, 1) == pci::kCapabilityMsix)
                msixCapability = static_cast<uint16_t>(at);
            if (config(at, 1) != virtio::kPciCapabilityVendor)
                continue;
            auto type = static_cast<uint8_t>(config(at + virtio::kCapType, 1));
            if (type == virtio::kCapPciAccess)
                accessCapability = static_cast<uint16_t>(at);
            m_structures[type] = windows.barAddress[config(at + virtio::kCapBar, 1) % 6] +
                                 config(at + virtio::kCapOffset, 4);
            if (type == virtio::kCapNotify)
                notifyMultiplier = config(at + virtio::kCapExtra, 4);
        }
    }
    GuestAddress structure(uint8_t type) { return m_structures[type]; }
    uint64_t read(uint32_t field, unsigned sizeBytes) {
        return m_bench.readMemory(structure(virtio::kCapCommon) + field, sizeBytes);
    }
    void write(uint32_t field, unsigned sizeBytes, uint64_t value) {
        m_bench.writeMemory(structure(virtio::kCapCommon) + field, sizeBytes, value);
    }
    uint64_t readDevice(uint32_t field, unsigned sizeBytes) {
        return m_bench.readMemory(structure(virtio::kCapDevice) + field, sizeBytes);
    }
    void writeDevice(uint32_t field, unsigned sizeBytes, uint64_t value) {
        m_bench.writeMemory(structure(virtio::kCapDevice) + field, sizeBytes, value);
    }
    uint8_t readIsr() {
        return static_cast<uint8_t>(m_bench.readMemory(structure(virtio::kCapIsr), 1));
    }
    uint8_t status() { return static_cast<uint8_t>(read(virtio::kDeviceStatus, 1)); }
    void setStatus(uint8_t value) { write(virtio::kDeviceStatus, 1, value); }
    uint64_t offeredFeatures() {
        uint64_t features = 0;
        for (uint32_t word = 0; word < 2; ++word) {
            write(virtio::kDeviceFeatureSelect, 4, word);
            features |= read(virtio::kDeviceFeature, 4) << (32 * word);
        }
        return features;
    }
    void acceptFeatures(uint64_t features) {
        for (uint32_t word = 0; word < 2; ++word) {
            write(virtio::kDriverFeatureSelect, 4, word);
            write(virtio::kDriverFeature, 4, features >> (32 * word) & 0xFFFFFFFF);
        }
    }

    // --- Life ---
    // Reset, negotiation; the status afterwards.
    uint8_t negotiate(uint64_t features) {
        setStatus(0);
        setStatus(virtio::kStatusAcknowledge);
        setStatus(virtio::kStatusAcknowledge | virtio::kStatusDriver);
        acceptFeatures(features);
        setStatus(virtio::kStatusAcknowledge | virtio::kStatusDriver | virtio::kStatusFeaturesOk);
        return status();
    }
    void setUpQueue(uint16_t queue, uint16_t size, uint16_t vector = virtio::kNoVector) {
        Ring& ring = m_rings[queue];
        ring = {};
        ring.size = size;
        fill(area(queue), kRingBytes);
        write(virtio::kQueueSelect, 2, queue);
        write(virtio::kQueueSize, 2, size);
        write(virtio::kQueueVector, 2, vector);
        write(virtio::kQueueDescriptors, 4, area(queue));
        write(virtio::kQueueDescriptors + 4, 4, 0);
        write(virtio::kQueueDriver, 4, area(queue) + kDriverArea);
        write(virtio::kQueueDevice, 8, area(queue) + kDeviceArea);
        write(virtio::kQueueEnable, 2, 1);
    }
    void driverOk() { setStatus(static_cast<uint8_t>(status() | virtio::kStatusDriverOk)); }
    // All of it, with `queueCount` queues.
    void start(uint64_t features, uint16_t queueCount = 1, uint16_t size = 16) {
        negotiate(features | virtio::kFeatureVersion1);
        m_eventIndex = features & virtio::kFeatureEventIndex;
        for (uint16_t queue = 0; queue < queueCount; ++queue)
            setUpQueue(queue, size);
        driverOk();
    }
    // MSI-X on: vector n sends data 0x40 + n.
    void useMessages(uint16_t vectorCount) {
        for (uint16_t vector = 0; vector < vectorCount; ++vector) {
            m_bench.writeMemory(msixTable + vector * 16u, 8, 0xFEE00000);
            m_bench.writeMemory(msixTable + vector * 16u + 8, 4, 0x40u + vector);
            m_bench.writeMemory(msixTable + vector * 16u + 12, 4, 0);
        }
        m_bench.locked([&] {
            m_transport->writeConfig(static_cast<uint16_t>(msixCapability + pci::kMsixControl), 2,
                                     pci::kMsixEnable);
        });
    }

    // --- Rings ---
    static GuestAddress area(uint16_t queue) { return kRings + queue * kRingBytes; }
    void putDescriptor(GuestAddress table, uint16_t index, uint64_t address, uint32_t length,
                       uint16_t flags, uint16_t next) {
        std::array<uint8_t, 16> bytes{};
        storeLe<uint64_t>(&bytes[0], address);
        storeLe<uint32_t>(&bytes[8], length);
        storeLe<uint16_t>(&bytes[12], flags);
        storeLe<uint16_t>(&bytes[14], next);
        put(table + index * 16u, bytes);
    }
    // A chain of the readable then the writable pieces; its head. Descriptors are taken round
    // robin, so keep less in flight than the queue holds.
    uint16_t addChain(uint16_t queue, const std::vector<RingPiece>& readable,
                      const std::vector<RingPiece>& writable) {
        Ring& ring = m_rings[queue];
        auto head = static_cast<uint16_t>(ring.nextDescriptor % ring.size);
        putPieces(area(queue), ring.nextDescriptor, ring.size, readable, writable);
        ring.nextDescriptor += static_cast<unsigned>(readable.size() + writable.size());
        makeAvailable(queue, head);
        return head;
    }
    // The same behind one indirect descriptor; at most 64 pieces.
    uint16_t addIndirect(uint16_t queue, const std::vector<RingPiece>& readable,
                         const std::vector<RingPiece>& writable) {
        Ring& ring = m_rings[queue];
        auto head = static_cast<uint16_t>(ring.nextDescriptor++ % ring.size);
        GuestAddress table = area(queue) + kIndirectTables;
        auto count = static_cast<uint32_t>(readable.size() + writable.size());
        putPieces(table, 0, count, readable, writable);
        putDescriptor(area(queue), head, table, count * 16, 4, 0);
        makeAvailable(queue, head);
        return head;
    }
    void makeAvailable(uint16_t queue, uint16_t head) {
        Ring& ring = m_rings[queue];
        putLe<uint16_t>(area(queue) + kDriverArea + 4 + 2u * (ring.available % ring.size), head);
        setAvailableIndex(queue, static_cast<uint16_t>(ring.available + 1));
    }
    void setAvailableIndex(uint16_t queue, uint16_t index) {
        m_rings[queue].available = index;
        putLe<uint16_t>(area(queue) + kDriverArea + 2, index);
    }
    void notify(uint16_t queue) {
        m_bench.writeMemory(structure(virtio::kCapNotify) + queue * notifyMultiplier, 2, queue);
    }
    // What the device has given back since the last call.
    std::vector<UsedElement> takeUsed(uint16_t queue) {
        Ring& ring = m_rings[queue];
        std::vector<UsedElement> elements;
        auto index = getLe<uint16_t>(area(queue) + kDeviceArea + 2);
        for (; ring.used != index; ++ring.used) {
            GuestAddress at = area(queue) + kDeviceArea + 4 + 8u * (ring.used % ring.size);
            elements.push_back({getLe<uint32_t>(at), getLe<uint32_t>(at + 4)});
        }
        if (m_eventIndex) // interrupt at the next one
            putLe<uint16_t>(area(queue) + kDriverArea + 4 + 2u * ring.size, ring.used);
        return elements;
    }
    uint16_t availableEvent(uint16_t queue) {
        return getLe<uint16_t>(area(queue) + kDeviceArea + 4 + 8u * m_rings[queue].size);
    }

    // --- Memory ---
    void put(GuestAddress address, ConstByteSpan bytes) {
        [[maybe_unused]] bool written = m_bench.memory.write(address, bytes);
    }
    std::vector<uint8_t> get(GuestAddress address, size_t sizeBytes) {
        std::vector<uint8_t> bytes(sizeBytes);
        [[maybe_unused]] bool copied = m_bench.memory.read(address, bytes);
        return bytes;
    }
    void fill(GuestAddress address, size_t sizeBytes, uint8_t value = 0) {
        put(address, std::vector<uint8_t>(sizeBytes, value));
    }
    template <class T>
    T getLe(GuestAddress address) {
        return m_bench.memory.readObject<T>(address).value_or(0);
    }
    template <class T>
    void putLe(GuestAddress address, std::type_identity_t<T> value) {
        [[maybe_unused]] bool written = m_bench.memory.writeObject<T>(address, value);
    }

    GuestAddress msixTable = 0;
    uint16_t msixCapability = 0;
    uint16_t accessCapability = 0;
    uint32_t notifyMultiplier = 0;

private:
    struct Ring {
        uint16_t size = 0;
        unsigned nextDescriptor = 0;
        uint16_t available = 0;
        uint16_t used = 0;
    };
    uint32_t config(uint32_t offset, unsigned sizeBytes) REQUIRES(m_bench.lock) {
        return m_transport->readConfig(static_cast<uint16_t>(offset), sizeBytes);
    }
    void putPieces(GuestAddress table, unsigned first, uint32_t tableSize,
                   const std::vector<RingPiece>& readable, const std::vector<RingPiece>& writable) {
        unsigned count = static_cast<unsigned>(readable.size() + writable.size());
        for (unsigned i = 0; i < count; ++i) {
            bool write = i >= readable.size();
            const RingPiece& piece = write ? writable[i - readable.size()] : readable[i];
            bool last = i + 1 == count;
            putDescriptor(table, static_cast<uint16_t>((first + i) % tableSize), piece.address,
                          piece.length, static_cast<uint16_t>((write ? 2 : 0) | (last ? 0 : 1)),
                          static_cast<uint16_t>((first + i + 1) % tableSize));
        }
    }

    DeviceBench& m_bench;
    VirtioPciTransport* m_transport;
    std::map<uint8_t, GuestAddress> m_structures; // by capability type
    std::map<uint16_t, Ring> m_rings;
    bool m_eventIndex = false;
};

} // namespace vivarium::test
