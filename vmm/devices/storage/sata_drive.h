#pragma once

#include "vmm/base/result.h"
#include "vmm/devices/storage/drive_io.h"
#include "vmm/devices/storage/prd_table.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <array>
#include <cstdint>

namespace vivarium {

// A host-to-device register FIS (Serial ATA 3.x, 10.5.5).
struct AtaTaskFile {
    uint8_t command = 0;
    uint8_t control = 0;
    uint8_t device = 0;
    uint16_t features = 0;
    uint16_t count = 0;
    uint64_t lba = 0; // 48 bits
};

// One command as the port read it from guest memory, once. Lives until the port is told that it
// is over, or until the drive's requests are dropped.
class SataCommand {
public:
    unsigned slot = 0;
    AtaTaskFile taskFile;
    enum class Frame { Command, Control, Unknown } frame = Frame::Unknown;
    bool clearBusy = false; // the header's C bit: for the first frame of a software reset
    std::array<uint8_t, 16> packet{};
    bool hasPacket = false;
    PrdTable prdTable;
    bool queued = false;              // NCQ: the drive took it and is ready for the next
    bool descriptorInterrupt = false; // a used descriptor asks for an interrupt

    GuestBuffers map(uint64_t lengthBytes) {
        GuestBuffers buffers = prdTable.map(lengthBytes);
        descriptorInterrupt = descriptorInterrupt || buffers.interrupt;
        return buffers;
    }
};

// How a command ended: the registers for the guest and what was transferred.
struct AtaReply {
    enum class Transfer { None, PioToHost, PioToDevice, Dma, PacketPio };
    Transfer transfer = Transfer::None;
    uint8_t status = 0x50;
    uint8_t error = 0;
    uint8_t device = 0;
    uint16_t count = 0;
    uint64_t lba = 0;
    uint64_t transferredBytes = 0;
    uint32_t blockBytes = 512; // PIO: at most this much between two setup frames
    bool overflow = false;     // the descriptors were too few for what the device sent
};

// The drive's end of the cable: implemented by the port.
class SataHost {
public:
    virtual ~SataHost() = default;
    // A queued command was accepted; the drive is ready for another.
    virtual void commandQueued(unsigned slot) = 0;
    virtual void commandDone(unsigned slot, const AtaReply& reply) = 0;
    // The command's buffers are not in RAM; the drive has dropped it.
    virtual void commandFaulted(unsigned slot) = 0;
};

// What can be attached to a port. Device lock.
class SataDrive {
public:
    SataDrive(SataHost& host, std::string id, DriveErrorPolicies policies,
              DriveIo::Services services)
        : m_host(host), m_io(std::move(id), policies, services) {}
    virtual ~SataDrive() = default;
    SataDrive(const SataDrive&) = delete;
    SataDrive& operator=(const SataDrive&) = delete;

    // Registers that the drive presents after a reset.
    virtual AtaReply signature() const = 0;
    // Starts a command; the host hears of its end during the call or later.
    virtual void execute(SataCommand& command) = 0;
    enum class ResetKind { Power, Hard /* COMRESET */, Soft /* SRST, DEVICE RESET */ };
    // Waits for host I/O, drops all commands and sets registers as that reset does.
    void reset(ResetKind kind) {
        m_io.cancel();
        resetState(kind);
    }
    // Drops all commands without waiting.
    void abandon() {
        m_io.abandon();
        commandsDropped();
    }
    virtual void save(StateWriter& writer) const = 0;
    virtual Result<void> restore(StateReader& reader) = 0;

    DriveIo& io() { return m_io; }
    const DriveIo& io() const { return m_io; }

protected:
    virtual void resetState(ResetKind kind) = 0;
    virtual void commandsDropped() {} // no SataCommand of before exists any longer

    SataHost& m_host;
    DriveIo m_io;
};

} // namespace vivarium
