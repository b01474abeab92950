#include "vmm/devices/storage/ata_disk.h"

#include "vmm/devices/storage/ata_registers.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {
constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kMaxSectors = uint64_t{1} << 48;
} // namespace

AtaDisk::AtaDisk(SataHost& host, std::string id, std::string serialNumber,
                 DriveErrorPolicies policies, DriveIo::Services services,
                 std::unique_ptr<BlockDevice> image)
    : SataDrive(host, std::move(id), policies, services), m_serialNumber(std::move(serialNumber)) {
    m_io.setImage(std::move(image));
}

AtaReply AtaDisk::signature() const {
    AtaReply reply;
    reply.status = ata::kStatusIdle;
    reply.error = ata::kDiagnosticsPassed;
    reply.count = 1;
    reply.lba = ata::kDiskSignatureLba;
    return reply;
}

void AtaDisk::resetState(ResetKind kind) {
    if (kind == ResetKind::Soft) { // settings survive a software reset (ACS-3, 7.45.x, feature 66h)
        m_state.standby = false;
        m_state.queuedError = {};
        return;
    }
    m_state = {};
}

uint64_t AtaDisk::sectorCount() const {
    return std::min(m_io.image()->sizeBytes() / kSectorBytes, kMaxSectors - 1);
}

void AtaDisk::execute(SataCommand& command) {
    uint8_t code = command.taskFile.command;
    if (auto known = decodeTransfer(code))
        return transfer(command, *known);
    switch (code) {
    case ata::kReadVerify:
    case ata::kReadVerifyNoRetry:
        return verify(command, false);
    case ata::kReadVerifyX:
        return verify(command, true);
    case ata::kDataSetManagement:
        return trim(command);
    case ata::kFlush:
    case ata::kFlushX:
        return flush(command);
    case ata::kIdentify:
        return identify(command);
    case ata::kSetFeatures:
        return setFeatures(command);
    case ata::kSetMultiple:
        return setMultiple(command);
    case ata::kSmart:
        return smart(command);
    case ata::kReadLogX:
        return readLog(command, AtaReply::Transfer::PioToHost);
    case ata::kReadLogDmaX:
        return readLog(command, AtaReply::Transfer::Dma);
    case ata::kReadNativeMax:
        return readNativeMax(command, false);
    case ata::kReadNativeMaxX:
        return readNativeMax(command, true);
    case ata::kStandby:
    case ata::kStandbyOld:
    case ata::kStandbyImmediate:
    case ata::kStandbyImmediateOld:
    case ata::kSleep:
    case ata::kSleepOld:
        m_state.standby = true;
        return flush(command); // the write cache is emptied first (ACS-3, 7.53)
    case ata::kIdle:
    case ata::kIdleOld:
    case ata::kIdleImmediate:
    case ata::kIdleImmediateOld:
        m_state.standby = false;
        return succeed(command);
    case ata::kCheckPowerMode:
    case ata::kCheckPowerModeOld: {
        AtaReply reply;
        reply.count = m_state.standby ? 0x00 : 0xFF; // ACS-3, table 27
        return finish(command, reply);
    }
    case ata::kDiagnostics:
        return finish(command, signature());
    case ata::kRecalibrate:
    case ata::kSeek:
    case ata::kInitializeParameters: // the default translation is the only one
        return succeed(command);
    case ata::kIdentifyPacket: {
        AtaReply reply = signature(); // tells the guest what it is (ACS-3, 7.13.3)
        reply.status = ata::kStatusFailed;
        reply.error = ata::kErrorAborted;
        return finish(command, reply);
    }
    default:
        return failWith(command, ata::kErrorAborted);
    }
}

// --- Reading and writing --------------------------------------------------------------------

std::optional<AtaDisk::Transfer> AtaDisk::decodeTransfer(uint8_t command) {
    using Kind = BlockRequest::Kind;
    using Protocol = AtaReply::Transfer;
    constexpr auto kRead = Kind::Read;
    constexpr auto kWrite = Kind::Write;
    constexpr auto kIn = Protocol::PioToHost;
    constexpr auto kOut = Protocol::PioToDevice;
    constexpr auto kDma = Protocol::Dma;
    struct Row {
        uint8_t command;
        Transfer transfer; // kind, protocol, extended, queued, multiple, forceUnitAccess
    };
    static constexpr Row kRows[] = {
        {ata::kReadDma, {kRead, kDma, false, false, false, false}},
        {ata::kReadDmaNoRetry, {kRead, kDma, false, false, false, false}},
        {ata::kReadDmaX, {kRead, kDma, true, false, false, false}},
        {ata::kReadQueued, {kRead, kDma, true, true, false, false}},
        {ata::kReadSectors, {kRead, kIn, false, false, false, false}},
        {ata::kReadSectorsNoRetry, {kRead, kIn, false, false, false, false}},
        {ata::kReadSectorsX, {kRead, kIn, true, false, false, false}},
        {ata::kReadMultiple, {kRead, kIn, false, false, true, false}},
        {ata::kReadMultipleX, {kRead, kIn, true, false, true, false}},
        {ata::kWriteDma, {kWrite, kDma, false, false, false, false}},
        {ata::kWriteDmaNoRetry, {kWrite, kDma, false, false, false, false}},
        {ata::kWriteDmaX, {kWrite, kDma, true, false, false, false}},
        {ata::kWriteDmaFuaX, {kWrite, kDma, true, false, false, true}},
        {ata::kWriteQueued, {kWrite, kDma, true, true, false, false}},
        {ata::kWriteSectors, {kWrite, kOut, false, false, false, false}},
        {ata::kWriteSectorsNoRetry, {kWrite, kOut, false, false, false, false}},
        {ata::kWriteSectorsX, {kWrite, kOut, true, false, false, false}},
        {ata::kWriteMultiple, {kWrite, kOut, false, false, true, false}},
        {ata::kWriteMultipleX, {kWrite, kOut, true, false, true, false}},
        {ata::kWriteMultipleFuaX, {kWrite, kOut, true, false, true, true}},
    };
    for (const Row& row : kRows)
        if (row.command == command)
            return row.transfer;
    return std::nullopt;
}

AtaDisk::SectorRange AtaDisk::sectorRange(const AtaTaskFile& registers,
                                          const Transfer& transfer) const {
    if (transfer.queued) // the count is in the features field (ACS-3, 7.23.2)
        return {registers.lba, registers.features ? registers.features : uint64_t{65536}};
    if (transfer.extended)
        return {registers.lba, registers.count ? registers.count : uint64_t{65536}};
    uint64_t count = registers.count & 0xFF ? registers.count & 0xFF : 256;
    if (registers.device & ata::kDeviceLba)
        return {(registers.lba & 0xFFFFFF) | uint64_t{registers.device & 0x0Fu} << 24, count};
    // Cylinder, head, sector (sectors count from 1) with the default translation.
    uint64_t cylinder = registers.lba >> 8 & 0xFFFF;
    uint64_t head = registers.device & 0x0F;
    uint64_t sector = registers.lba & 0xFF;
    if (sector == 0 || sector > kDiskSectorsPerTrack)
        return {kMaxSectors, count}; // does not exist
    return {(cylinder * kDiskHeads + head) * kDiskSectorsPerTrack + sector - 1, count};
}

bool AtaDisk::fits(const SectorRange& range) const {
    return rangeFits(range.first, range.count, sectorCount());
}

void AtaDisk::transfer(SataCommand& command, Transfer transfer) {
    m_state.standby = false;
    if (transfer.queued) {
        transfer.forceUnitAccess = command.taskFile.device & ata::kDeviceFua;
        // The tag names the slot (AHCI 1.3.1, 5.5.1); another one would end the wrong command.
        if ((command.taskFile.count >> 3 & 0x1F) != command.slot)
            return failWith(command, ata::kErrorAborted);
    }
    if (transfer.multiple && m_state.multipleCount == 0)
        return failWith(command, ata::kErrorAborted);
    SectorRange range = sectorRange(command.taskFile, transfer);
    if (!fits(range))
        return failWith(command, ata::kErrorIdNotFound);
    if (transfer.kind == BlockRequest::Kind::Write && m_io.image()->readOnly())
        return failWith(command, ata::kErrorAborted);
    uint64_t bytes = range.count * kSectorBytes;
    GuestBuffers buffers = command.map(bytes);
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    if (buffers.fault == GuestBuffers::Fault::TooShort)
        return failWith(command, ata::kErrorAborted, true);
    if (transfer.queued)
        m_host.commandQueued(command.slot);
    m_io.submit(transfer.kind, range.first * kSectorBytes, bytes, std::move(buffers.pieces),
                [this, &command, transfer, bytes](int error) {
                    transferDone(command, transfer, bytes, error);
                });
}

void AtaDisk::transferDone(SataCommand& command, const Transfer& transfer, uint64_t bytes,
                           int error) {
    bool write = transfer.kind == BlockRequest::Kind::Write;
    if (error != 0)
        return failWith(command, write ? ata::kErrorAborted : ata::kErrorUncorrectable);
    AtaReply reply;
    reply.transfer = transfer.protocol;
    reply.transferredBytes = bytes;
    if (transfer.multiple)
        reply.blockBytes = m_state.multipleCount * static_cast<uint32_t>(kSectorBytes);
    if (!write || (!transfer.forceUnitAccess && m_state.writeCache))
        return finish(command, reply);
    m_io.submit(BlockRequest::Kind::Flush, 0, 0, {}, [this, &command, reply](int flushError) {
        if (flushError != 0)
            failWith(command, ata::kErrorAborted);
        else
            finish(command, reply);
    });
}

void AtaDisk::verify(SataCommand& command, bool extended) {
    Transfer transfer;
    transfer.extended = extended;
    if (!fits(sectorRange(command.taskFile, transfer)))
        return failWith(command, ata::kErrorIdNotFound);
    succeed(command);
}

// --- TRIM, flush ----------------------------------------------------------------------------

struct AtaDisk::TrimJob {
    size_t remaining = 0;
    bool failed = false;
};

void AtaDisk::trim(SataCommand& command) {
    constexpr uint16_t kTrimFeature = 0x0001;
    uint16_t blocks = command.taskFile.count;
    if (!(command.taskFile.features & kTrimFeature) || blocks == 0 || blocks > kMaxTrimBlocks ||
        m_io.image()->readOnly())
        return failWith(command, ata::kErrorAborted);
    GuestBuffers buffers = command.map(blocks * kSectorBytes);
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    if (buffers.fault == GuestBuffers::Fault::TooShort)
        return failWith(command, ata::kErrorAborted, true);
    std::array<uint8_t, kMaxTrimBlocks * kSectorBytes> list{};
    buffers.copyOut(ByteSpan(list).first(blocks * kSectorBytes));

    // Entries: 48 bits of address, 16 of count; a count of 0 is padding (ACS-3, 7.5.3).
    std::vector<SectorRange> ranges;
    for (size_t at = 0; at < blocks * kSectorBytes; at += 8) {
        auto entry = loadLe<uint64_t>(&list[at]);
        SectorRange range{entry & (kMaxSectors - 1), entry >> 48};
        if (range.count == 0)
            continue;
        if (!fits(range))
            return failWith(command, ata::kErrorIdNotFound);
        if (!ranges.empty() && ranges.back().first + ranges.back().count == range.first)
            ranges.back().count += range.count;
        else
            ranges.push_back(range);
    }
    AtaReply reply;
    reply.transfer = AtaReply::Transfer::Dma;
    reply.transferredBytes = blocks * kSectorBytes;
    if (ranges.empty())
        return finish(command, reply);
    // Shared by the completions of all ranges; the last one ends the command.
    auto job = std::make_shared<TrimJob>();
    job->remaining = ranges.size();
    for (const SectorRange& range : ranges)
        m_io.submit(BlockRequest::Kind::Discard, range.first * kSectorBytes,
                    range.count * kSectorBytes, {}, [this, &command, job, reply](int error) {
                        job->failed = job->failed || error != 0;
                        if (--job->remaining > 0)
                            return;
                        if (job->failed)
                            failWith(command, ata::kErrorAborted);
                        else
                            finish(command, reply);
                    });
}

void AtaDisk::flush(SataCommand& command) {
    m_io.submit(BlockRequest::Kind::Flush, 0, 0, {}, [this, &command](int error) {
        if (error != 0)
            failWith(command, ata::kErrorAborted);
        else
            succeed(command);
    });
}

// --- Ends -----------------------------------------------------------------------------------

void AtaDisk::sendSector(SataCommand& command, const AtaSector& data, AtaReply::Transfer protocol) {
    GuestBuffers buffers = command.map(data.size());
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    AtaReply reply;
    reply.transfer = protocol;
    reply.transferredBytes = buffers.copyIn(data);
    reply.overflow = buffers.fault == GuestBuffers::Fault::TooShort;
    finish(command, reply);
}

void AtaDisk::succeed(SataCommand& command) {
    finish(command, {});
}

void AtaDisk::finish(SataCommand& command, AtaReply reply) {
    reply.device = command.taskFile.device;
    m_host.commandDone(command.slot, reply);
}

void AtaDisk::failWith(SataCommand& command, uint8_t error, bool overflow) {
    AtaReply reply;
    reply.status = ata::kStatusFailed;
    reply.error = error;
    reply.lba = command.taskFile.lba;
    reply.device = command.taskFile.device;
    reply.overflow = overflow;
    if (command.queued)
        m_state.queuedError = {true,         static_cast<uint8_t>(command.slot),
                               reply.status, error,
                               reply.device, command.taskFile.count,
                               reply.lba};
    m_host.commandDone(command.slot, reply);
}

// --- Save and restore -----------------------------------------------------------------------

void AtaDisk::save(StateWriter& writer) const {
    const QueuedErrorLog& log = m_state.queuedError;
    writer.fields(m_state.writeCache, m_state.readLookAhead, m_state.smart, m_state.standby,
                  m_state.multipleCount, m_state.transferMode, log.valid, log.tag, log.status,
                  log.error, log.device, log.count, log.lba);
}

Result<void> AtaDisk::restore(StateReader& reader) {
    State state;
    QueuedErrorLog& log = state.queuedError;
    TRY(reader.fields(state.writeCache, state.readLookAhead, state.smart, state.standby,
                      state.multipleCount, state.transferMode, log.valid, log.tag, log.status,
                      log.error, log.device, log.count, log.lba));
    if (state.multipleCount > kMaxMultipleCount || !isTransferMode(state.transferMode) ||
        log.tag >= kQueueDepth)
        return fail(ErrorCode::Corrupt, "saved state: disk " + m_io.driveId() + " is malformed");
    m_state = state;
    return {};
}

} // namespace vivarium
