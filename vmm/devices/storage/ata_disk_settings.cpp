// The commands of AtaDisk that concern the drive itself and not its sectors.

#include "vmm/devices/storage/ata_disk.h"
#include "vmm/devices/storage/ata_registers.h"

#include <bit>

namespace vivarium {

namespace {

// SET FEATURES subcommands (ACS-3, 7.45).
constexpr uint8_t kFeatureWriteCacheOn = 0x02;
constexpr uint8_t kFeatureTransferMode = 0x03;
constexpr uint8_t kFeatureLookAheadOff = 0x55;
constexpr uint8_t kFeatureKeepSettings = 0x66;
constexpr uint8_t kFeatureWriteCacheOff = 0x82;
constexpr uint8_t kFeatureLookAheadOn = 0xAA;
constexpr uint8_t kFeatureRevertSettings = 0xCC;

// SMART subcommands (ACS-3, 7.48) and the key that every one of them needs in the LBA field.
constexpr uint8_t kSmartReadData = 0xD0;
constexpr uint8_t kSmartReadThresholds = 0xD1;
constexpr uint8_t kSmartAutosave = 0xD2;
constexpr uint8_t kSmartOfflineImmediate = 0xD4;
constexpr uint8_t kSmartReadLog = 0xD5;
constexpr uint8_t kSmartEnable = 0xD8;
constexpr uint8_t kSmartDisable = 0xD9;
constexpr uint8_t kSmartReturnStatus = 0xDA;
constexpr uint64_t kSmartKey = 0xC24F00;

} // namespace

void AtaDisk::identify(SataCommand& command) {
    DiskIdentity identity;
    identity.serialNumber = m_serialNumber;
    identity.sectorCount = sectorCount();
    identity.multipleCount = m_state.multipleCount;
    identity.transferMode = m_state.transferMode;
    identity.writeCache = m_state.writeCache;
    identity.readLookAhead = m_state.readLookAhead;
    identity.smart = m_state.smart;
    sendSector(command, identifyDisk(identity), AtaReply::Transfer::PioToHost);
}

void AtaDisk::setFeatures(SataCommand& command) {
    auto count = static_cast<uint8_t>(command.taskFile.count);
    switch (command.taskFile.features & 0xFF) {
    case kFeatureWriteCacheOn:
        m_state.writeCache = true;
        return succeed(command);
    case kFeatureWriteCacheOff:
        m_state.writeCache = false;
        return flush(command);
    case kFeatureLookAheadOn:
    case kFeatureLookAheadOff:
        m_state.readLookAhead = (command.taskFile.features & 0xFF) == kFeatureLookAheadOn;
        return succeed(command);
    case kFeatureTransferMode:
        if (!isTransferMode(count))
            return failWith(command, ata::kErrorAborted);
        m_state.transferMode = count;
        return succeed(command);
    case kFeatureKeepSettings:
    case kFeatureRevertSettings:
        return succeed(command);
    default:
        return failWith(command, ata::kErrorAborted);
    }
}

void AtaDisk::setMultiple(SataCommand& command) {
    auto count = static_cast<uint8_t>(command.taskFile.count);
    if (count > kMaxMultipleCount || (count != 0 && !std::has_single_bit(count)))
        return failWith(command, ata::kErrorAborted);
    m_state.multipleCount = count;
    succeed(command);
}

void AtaDisk::smart(SataCommand& command) {
    auto subcommand = static_cast<uint8_t>(command.taskFile.features);
    bool hasKey = (command.taskFile.lba & 0xFFFF00) == kSmartKey;
    if (!hasKey || (!m_state.smart && subcommand != kSmartEnable))
        return failWith(command, ata::kErrorAborted);
    switch (subcommand) {
    case kSmartReadData:
        return sendSector(command, smartData(), AtaReply::Transfer::PioToHost);
    case kSmartReadThresholds:
        return sendSector(command, smartThresholds(), AtaReply::Transfer::PioToHost);
    case kSmartReadLog: {
        auto log = smartLog(static_cast<uint8_t>(command.taskFile.lba));
        if (!log || (command.taskFile.count & 0xFF) != 1)
            return failWith(command, ata::kErrorAborted);
        return sendSector(command, *log, AtaReply::Transfer::PioToHost);
    }
    case kSmartEnable:
    case kSmartDisable:
        m_state.smart = subcommand == kSmartEnable;
        return succeed(command);
    case kSmartAutosave:
    case kSmartOfflineImmediate:
        return succeed(command);
    case kSmartReturnStatus: {
        AtaReply reply;
        reply.lba = kSmartKey; // no threshold exceeded (ACS-3, 7.48.8)
        return finish(command, reply);
    }
    default:
        return failWith(command, ata::kErrorAborted);
    }
}

void AtaDisk::readLog(SataCommand& command, AtaReply::Transfer protocol) {
    const AtaTaskFile& registers = command.taskFile;
    auto address = static_cast<uint8_t>(registers.lba);
    uint64_t page = (registers.lba >> 8 & 0xFF) | (registers.lba >> 24 & 0xFF00);
    if (registers.count != 1 || page != 0)
        return failWith(command, ata::kErrorAborted);
    switch (address) {
    case kLogDirectory:
        return sendSector(command, logDirectory(), protocol);
    case kLogQueuedError: {
        AtaSector log = queuedErrorLog(m_state.queuedError);
        m_state.queuedError = {};
        return sendSector(command, log, protocol);
    }
    default:
        return failWith(command, ata::kErrorAborted);
    }
}

void AtaDisk::readNativeMax(SataCommand& command, bool extended) {
    constexpr uint64_t kMaxLba28 = 0x0FFFFFFF;
    uint64_t last = sectorCount() - 1;
    AtaReply reply;
    reply.lba = extended ? last : std::min(last, kMaxLba28);
    if (extended)
        return finish(command, reply);
    reply.device =
        static_cast<uint8_t>((command.taskFile.device & 0xF0) | (reply.lba >> 24 & 0x0F));
    reply.lba &= 0xFFFFFF;
    m_host.commandDone(command.slot, reply);
}

} // namespace vivarium
