#include "vmm/devices/storage/atapi_drive.h"

#include "vmm/devices/storage/ata_identify.h"
#include "vmm/devices/storage/ata_registers.h"
#include "vmm/devices/storage/serial_number.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace vivarium {

namespace {
// Count register at the end of a packet command: C/D and I/O (SFF-8020i, 9.9).
constexpr uint16_t kInterruptReasonDone = 0x03;
constexpr uint16_t kPacketFeatureDma = 0x0001;
constexpr uint8_t kRequestSense = 0x03;
} // namespace

// How a packet command is treated before it runs.
struct AtapiDrive::PacketCommand {
    uint8_t operation;
    void (AtapiDrive::*run)(SataCommand&);
    enum class Medium { Needed, NotNeeded } medium;
    // Deferred: not told of a changed disc; the event stays for the next command (MMC-6, 4.1.6.1).
    enum class Attention { Reported, Deferred } attention;
};

AtapiDrive::AtapiDrive(SataHost& host, std::string id, DriveErrorPolicies policies,
                       DriveIo::Services services, std::unique_ptr<BlockDevice> image)
    : SataDrive(host, std::move(id), policies, services),
      m_serialNumber(serialNumberFromId(m_io.driveId())) {
    m_io.setImage(std::move(image));
}

AtaReply AtapiDrive::signature() const {
    AtaReply reply;
    reply.status = 0; // not ready for ATA commands until the first packet (ACS-3, 9.12)
    reply.error = ata::kDiagnosticsPassed;
    reply.count = 1;
    reply.lba = ata::kPacketSignatureLba;
    return reply;
}

void AtapiDrive::resetState(ResetKind kind) {
    m_reading = nullptr;
    if (kind == ResetKind::Power) {
        m_state = {};
        return;
    }
    // The tray and what the guest has not heard of the disc survive.
    m_state.locked = false;
    m_state.standby = false;
    m_state.sense = kNoSense;
}

OpticalMedium AtapiDrive::medium() const {
    return {m_io.image() != nullptr, blockCount()};
}

uint32_t AtapiDrive::blockCount() const {
    if (!m_io.image())
        return 0;
    uint64_t blocks = alignUp(m_io.image()->sizeBytes(), kOpticalBlockBytes) / kOpticalBlockBytes;
    return static_cast<uint32_t>(std::min<uint64_t>(blocks, std::numeric_limits<int32_t>::max()));
}

// --- Medium ---------------------------------------------------------------------------------

void AtapiDrive::removeDisc() {
    bool hadDisc = m_io.image() != nullptr;
    m_io.setImage(nullptr);
    if (SataCommand* reading = std::exchange(m_reading, nullptr))
        checkCondition(*reading, kMediumAbsent);
    if (!hadDisc)
        return;
    m_state.removalEvent = true;
    m_state.newMediumEvent = false;
    m_state.removalPending = true;
    m_state.changePending = false;
}

Result<void> AtapiDrive::changeMedium(std::unique_ptr<BlockDevice> image, TrayLock lock) {
    if (m_state.locked && m_io.image() && lock == TrayLock::Honoured) {
        m_state.ejectRequested = true;
        return fail(ErrorCode::Busy, m_io.driveId() + ": the guest has locked the tray");
    }
    m_state.locked = false;
    m_state.ejectRequested = false;
    removeDisc();
    m_state.trayOpen = image == nullptr;
    if (image) {
        m_io.setImage(std::move(image));
        m_state.newMediumEvent = true;
        m_state.changePending = true;
    }
    return {};
}

void AtapiDrive::startStop(SataCommand& command) {
    bool start = command.packet[4] & 0x01;
    bool loadEject = command.packet[4] & 0x02;
    bool powerCondition = command.packet[4] & 0xF0; // then the other two mean nothing
    if (!loadEject || powerCondition)
        return succeed(command);
    if (start) {
        m_state.trayOpen = false;
        return succeed(command);
    }
    if (m_state.locked)
        return checkCondition(command, kRemovalPrevented);
    bool hadDisc = m_io.image() != nullptr;
    removeDisc();
    m_state.trayOpen = true;
    m_state.ejectRequested = false;
    succeed(command);
    if (hadDisc)
        m_io.reportEjected();
}

void AtapiDrive::preventAllow(SataCommand& command) {
    m_state.locked = command.packet[4] & 0x01;
    succeed(command);
}

// --- ATA commands ---------------------------------------------------------------------------

void AtapiDrive::execute(SataCommand& command) {
    switch (command.taskFile.command) {
    case ata::kPacket:
        return packet(command);
    case ata::kIdentifyPacket:
        return identify(command);
    case ata::kSetFeatures:
        return setFeatures(command);
    case ata::kDeviceReset:
        resetState(ResetKind::Soft);
        return m_host.commandDone(command.slot, signature());
    case ata::kDiagnostics:
        return m_host.commandDone(command.slot, signature());
    case ata::kReadSectors:
    case ata::kIdentify: {
        AtaReply reply = signature(); // tells the guest what it is (ACS-3, 7.12.3)
        reply.status = ata::kStatusFailed;
        reply.error = ata::kErrorAborted;
        return m_host.commandDone(command.slot, reply);
    }
    case ata::kStandby:
    case ata::kStandbyImmediate:
    case ata::kSleep:
        m_state.standby = true;
        return finishAta(command, 0);
    case ata::kIdle:
    case ata::kIdleImmediate:
        m_state.standby = false;
        return finishAta(command, 0);
    case ata::kCheckPowerMode: {
        AtaReply reply;
        reply.count = m_state.standby ? 0x00 : 0xFF;
        return m_host.commandDone(command.slot, reply);
    }
    default:
        return finishAta(command, ata::kErrorAborted);
    }
}

void AtapiDrive::identify(SataCommand& command) {
    AtaSector data = identifyOptical(m_serialNumber, m_state.transferMode);
    GuestBuffers buffers = command.map(data.size());
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    AtaReply reply;
    reply.transfer = AtaReply::Transfer::PioToHost;
    reply.transferredBytes = buffers.copyIn(data);
    reply.overflow = buffers.fault == GuestBuffers::Fault::TooShort;
    m_host.commandDone(command.slot, reply);
}

void AtapiDrive::setFeatures(SataCommand& command) {
    constexpr uint8_t kTransferMode = 0x03;
    auto mode = static_cast<uint8_t>(command.taskFile.count);
    if ((command.taskFile.features & 0xFF) != kTransferMode || !isTransferMode(mode))
        return finishAta(command, ata::kErrorAborted);
    m_state.transferMode = mode;
    finishAta(command, 0);
}

void AtapiDrive::finishAta(SataCommand& command, uint8_t error) {
    AtaReply reply;
    reply.status = error ? ata::kStatusFailed : ata::kStatusIdle;
    reply.error = error;
    m_host.commandDone(command.slot, reply);
}

// --- Packets --------------------------------------------------------------------------------

const AtapiDrive::PacketCommand* AtapiDrive::findPacketCommand(uint8_t operation) {
    using Drive = AtapiDrive;
    constexpr auto kNeeded = PacketCommand::Medium::Needed;
    constexpr auto kNotNeeded = PacketCommand::Medium::NotNeeded;
    constexpr auto kReported = PacketCommand::Attention::Reported;
    constexpr auto kDeferred = PacketCommand::Attention::Deferred;
    static constexpr PacketCommand kCommands[] = {
        {0x00, &Drive::testUnitReady, kNeeded, kReported},
        {kRequestSense, &Drive::requestSense, kNotNeeded, kDeferred},
        {0x12, &Drive::inquiry, kNotNeeded, kDeferred},
        {0x15, &Drive::modeSelect, kNotNeeded, kReported},
        {0x1A, &Drive::modeSense6, kNotNeeded, kReported},
        {0x1B, &Drive::startStop, kNotNeeded, kReported},
        {0x1E, &Drive::preventAllow, kNotNeeded, kReported},
        {0x25, &Drive::readCapacity, kNeeded, kReported},
        {0x28, &Drive::read10, kNeeded, kReported},
        {0x2B, &Drive::seek, kNeeded, kReported},
        {0x2F, &Drive::testUnitReady, kNeeded, kReported}, // VERIFY (10): nothing to compare
        {0x35, &Drive::testUnitReady, kNeeded, kReported}, // SYNCHRONIZE CACHE: nothing written
        {0x42, &Drive::readSubchannel, kNeeded, kReported},
        {0x43, &Drive::readToc, kNeeded, kReported},
        {0x46, &Drive::getConfiguration, kNotNeeded, kDeferred},
        {0x4A, &Drive::getEventStatus, kNotNeeded, kDeferred},
        {0x51, &Drive::readDiscInformation, kNeeded, kReported},
        {0x52, &Drive::readTrackInformation, kNeeded, kReported},
        {0x55, &Drive::modeSelect, kNotNeeded, kReported},
        {0x5A, &Drive::modeSense10, kNotNeeded, kReported},
        {0xA8, &Drive::read12, kNeeded, kReported},
        {0xAD, &Drive::readDvdStructure, kNeeded, kReported},
        {0xBB, &Drive::testUnitReady, kNotNeeded, kReported}, // SET CD SPEED: there is only one
        {0xBD, &Drive::mechanismStatus, kNotNeeded, kReported},
        {0xBE, &Drive::readCd, kNeeded, kReported},
    };
    for (const PacketCommand& known : kCommands)
        if (known.operation == operation)
            return &known;
    return nullptr;
}

void AtapiDrive::packet(SataCommand& command) {
    if (!command.hasPacket)
        return finishAta(command, ata::kErrorAborted);
    m_state.standby = false;
    const PacketCommand* known = findPacketCommand(command.packet[0]);
    if (command.packet[0] != kRequestSense)
        m_state.sense = kNoSense;
    if (!known)
        return checkCondition(command, kInvalidCommand);
    if (checkAttention(command, *known) == Service::Continue)
        (this->*known->run)(command);
}

AtapiDrive::Service AtapiDrive::checkAttention(SataCommand& command, const PacketCommand& known) {
    bool needsMedium = known.medium == PacketCommand::Medium::Needed;
    // A swapped disc shows as gone first, so that guests which only watch for "not present" drop
    // what they cached of the old one; then as changed.
    if (m_state.removalPending && needsMedium) {
        m_state.removalPending = false;
        checkCondition(command, m_state.trayOpen ? kMediumAbsentTrayOpen : kMediumAbsent);
        return Service::Stop;
    }
    if (m_state.changePending && !m_state.removalPending &&
        known.attention == PacketCommand::Attention::Reported) {
        m_state.changePending = false;
        checkCondition(command, kMediumChanged);
        return Service::Stop;
    }
    if (needsMedium && !m_io.image()) {
        m_state.removalPending = false;
        checkCondition(command, m_state.trayOpen ? kMediumAbsentTrayOpen : kMediumAbsent);
        return Service::Stop;
    }
    return Service::Continue;
}

void AtapiDrive::sendReply(SataCommand& command, ConstByteSpan data, uint64_t allocationBytes) {
    data = data.first(std::min<uint64_t>(data.size(), allocationBytes));
    GuestBuffers buffers = command.map(data.size());
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    succeed(command, buffers.copyIn(data), buffers.fault == GuestBuffers::Fault::TooShort);
}

void AtapiDrive::succeed(SataCommand& command, uint64_t transferredBytes, bool overflow) {
    AtaReply reply;
    reply.count = kInterruptReasonDone;
    reply.transferredBytes = transferredBytes;
    auto byteCountLimit = static_cast<uint32_t>(command.taskFile.lba >> 8 & 0xFFFE);
    reply.blockBytes = byteCountLimit ? byteCountLimit : 0xFFFE; // SFF-8020i, 7.1.7
    reply.overflow = overflow;
    if (transferredBytes > 0)
        reply.transfer = command.taskFile.features & kPacketFeatureDma
                             ? AtaReply::Transfer::Dma
                             : AtaReply::Transfer::PacketPio;
    m_host.commandDone(command.slot, reply);
}

void AtapiDrive::checkCondition(SataCommand& command, const ScsiSense& sense) {
    failPacket(command, sense, false);
}

void AtapiDrive::overrun(SataCommand& command) {
    failPacket(command, kDataPhaseError, true);
}

void AtapiDrive::failPacket(SataCommand& command, const ScsiSense& sense, bool overflow) {
    m_state.sense = sense;
    AtaReply reply;
    reply.status = ata::kStatusFailed;
    reply.error = static_cast<uint8_t>(sense.key << 4); // SFF-8020i, 7.1.4
    reply.count = kInterruptReasonDone;
    reply.overflow = overflow;
    m_host.commandDone(command.slot, reply);
}

// --- Save and restore -----------------------------------------------------------------------

void AtapiDrive::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.fields(s.transferMode, s.locked, s.trayOpen, s.standby, s.sense.key, s.sense.code,
                  s.sense.qualifier, s.removalPending, s.changePending, s.ejectRequested,
                  s.removalEvent, s.newMediumEvent);
}

Result<void> AtapiDrive::restore(StateReader& reader) {
    State s;
    TRY(reader.fields(s.transferMode, s.locked, s.trayOpen, s.standby, s.sense.key, s.sense.code,
                      s.sense.qualifier, s.removalPending, s.changePending, s.ejectRequested,
                      s.removalEvent, s.newMediumEvent));
    if (!isTransferMode(s.transferMode) || s.sense.key > 0x0F)
        return fail(ErrorCode::Corrupt, "saved state: drive " + m_io.driveId() + " is malformed");
    m_state = s;
    m_reading = nullptr;
    return {};
}

} // namespace vivarium
