#pragma once

#include "vmm/base/result.h"
#include "vmm/devices/virtio/virtqueue.h"
#include "vmm/memory/guest_memory.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vivarium {

// Device types (virtio 1.2, 5).
enum class VirtioType : uint16_t {
    Network = 1,
    Block = 2,
    Console = 3,
    Entropy = 4,
    Balloon = 5,
    FileSystem = 26,
    Gpu = 16,
    Input = 18,
    Socket = 19,
    Sound = 25,
};

// The transport as its device sees it: the queues of a driver that is running. Device lock.
class VirtioHost {
public:
    virtual ~VirtioHost() = default;
    virtual const GuestMemory& memory() const = 0;
    virtual uint16_t queueSize(unsigned queue) const = 0; // as the driver chose it
    // The next chain of the driver; nullopt when there is none, when no driver is running, or when
    // it broke the rules (the device then needs a reset and gets no more).
    virtual std::optional<VirtioChain> take(unsigned queue) = 0;
    // A chain that was taken before the state was saved. nullopt as above.
    virtual std::optional<VirtioChain> takeAgain(unsigned queue, uint16_t head) = 0;
    // The newest `count` chains that were taken, none of them given back: as if they had not been.
    virtual void untake(unsigned queue, uint16_t count) = 0;
    // Gives chains back to the driver, which sees all or none, and interrupts it if it wants that.
    virtual void giveBack(unsigned queue, std::span<const VirtioUsed> chains) = 0;
    void giveBack(unsigned queue, uint16_t head, uint32_t writtenBytes) {
        const VirtioUsed chain{head, writtenBytes};
        giveBack(queue, {&chain, 1});
    }
    // The device's configuration has changed by itself: the driver is told.
    virtual void configurationChanged() = 0;
    // The driver cannot go on: it must reset the device (virtio 1.2, 2.1.2). `reason` is logged.
    virtual void needsReset(const std::string& reason) = 0;
    // What VirtioDevice::beginReset() was waiting for is over.
    virtual void resetFinished() = 0;
};

// What one device type adds to a transport. It is built by the transport, which outlives it and
// calls it with the device lock held.
class VirtioDevice {
public:
    virtual ~VirtioDevice() = default;

    // Feature bits of the device type (0-23 and 50-127 of which 50-63 fit here).
    virtual uint64_t features() const = 0;
    // The configuration as little-endian bytes; the transport cuts accesses out of it.
    virtual std::vector<uint8_t> configuration() const = 0;
    // One write of 1, 2 or 4 bytes inside the configuration, aligned.
    virtual void writeConfiguration(uint32_t, unsigned, uint32_t) {}

    // The driver is ready (DRIVER_OK) having accepted `features` of those offered.
    virtual void start(uint64_t features) = 0;
    // There may be chains in `queue`. Takes at most a queue's worth of them before it lets others
    // run.
    virtual void queueNotified(unsigned queue) = 0;
    // Drops all chains without giving them back, and everything that the driver has set. Waiting:
    // guest memory may still be written to until resetFinished() is called.
    enum class ResetProgress { Finished, Waiting };
    virtual ResetProgress beginReset() = 0;
    // Ends a reset that is Waiting; blocks on the host.
    virtual void finishReset() = 0;

    // Fields in the transport's section. restore() comes with the transport's state in place.
    virtual void save(StateWriter& writer) const = 0;
    virtual Result<void> restore(StateReader& reader) = 0;
};

} // namespace vivarium
