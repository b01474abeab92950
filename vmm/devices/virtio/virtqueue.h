#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"
#include "vmm/memory/guest_memory.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// A chain of descriptors as it was when it was read: host views of guest memory, in order.
struct VirtioChain {
    uint16_t head = 0; // names the chain when it is given back
    std::vector<iovec> readable;
    std::vector<iovec> writable;
    uint64_t readableBytes = 0;
    uint64_t writableBytes = 0;
};

// A chain that goes back to the driver.
struct VirtioUsed {
    uint16_t head;
    uint32_t writtenBytes; // from the beginning of its writable part
};

// One split virtqueue (virtio 1.2, 2.7): finds the driver's chains, gives them back, decides who
// wants to be told. The guest writes the rings while we read them: every field is read once and
// then checked. Owner: its transport. Device lock.
class Virtqueue {
public:
    // `maxSize`: a power of two, at most 32768.
    Virtqueue(const GuestMemory& memory, uint16_t maxSize);

    // --- Configuration by the driver; ignored once enabled ---
    uint16_t maxSize() const { return m_maxSize; }
    uint16_t size() const { return m_state.size; }
    uint64_t descriptorArea() const { return m_state.descriptorArea; }
    uint64_t driverArea() const { return m_state.driverArea; }
    uint64_t deviceArea() const { return m_state.deviceArea; }
    bool enabled() const { return m_state.enabled; }
    void setSize(uint16_t size); // only powers of two up to the maximum are taken
    void setDescriptorArea(uint64_t address) { setArea(m_state.descriptorArea, address); }
    void setDriverArea(uint64_t address) { setArea(m_state.driverArea, address); }
    void setDeviceArea(uint64_t address) { setArea(m_state.deviceArea, address); }
    // Stays disabled when an area is misaligned or not in RAM.
    void enable();
    // Power-on state.
    void reset();

    // --- Running ---
    struct Features {
        bool indirectDescriptors = false;
        bool eventIndex = false;
    };
    void setFeatures(Features features) { m_features = features; }
    // The next chain that the driver made available, or nullopt. An empty queue asks the driver to
    // notify and looks once more. Error: Corrupt (the driver broke the rules; the queue is not
    // usable until it is reset).
    Result<std::optional<VirtioChain>> take();
    // Reads the chain that begins at `head` again (after a restore). Error: Corrupt.
    Result<VirtioChain> readChain(uint16_t head) const;
    // The newest `count` chains that were taken, none of them given back: as if they had not been.
    void untake(uint16_t count);
    // Gives chains back, at most as many as the queue has entries; the driver sees all or none.
    void giveBack(std::span<const VirtioUsed> chains);
    void giveBack(uint16_t head, uint32_t writtenBytes) {
        const VirtioUsed chain{head, writtenBytes};
        giveBack({&chain, 1});
    }
    // Whether the driver wants an interrupt for what was given back since the last call.
    bool takeInterruptWish();

    void save(StateWriter& writer) const;
    // Error: Corrupt.
    Result<void> restore(StateReader& reader);

private:
    struct State {
        uint16_t size = 0;
        bool enabled = false;
        uint64_t descriptorArea = 0;
        uint64_t driverArea = 0; // "available ring"
        uint64_t deviceArea = 0; // "used ring"
        uint16_t nextAvailable = 0;
        uint16_t nextUsed = 0;
        uint16_t toldUsed = 0; // nextUsed when the driver was last asked about an interrupt
        bool toldUsedValid = false;
    };
    struct Descriptor {
        uint64_t address;
        uint32_t length;
        uint16_t flags;
        uint16_t next;
    };
    static_assert(sizeof(Descriptor) == 16);

    void setArea(uint64_t& area, uint64_t address);
    bool mapAreas();
    Result<void> readTable(const uint8_t* table, uint32_t tableSize, uint32_t first,
                           VirtioChain& chain) const;
    Result<void> append(VirtioChain& chain, const Descriptor& descriptor) const;

    const GuestMemory& m_memory;
    const uint16_t m_maxSize;
    Features m_features;
    State m_state;
    // Host views of the three areas; null while disabled.
    uint8_t* m_descriptors = nullptr;
    uint8_t* m_driver = nullptr;
    uint8_t* m_device = nullptr;
};

} // namespace vivarium
