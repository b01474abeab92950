// The packet commands of AtapiDrive (MMC-6, 6; SPC-4, 6).

#include "vmm/devices/storage/atapi_drive.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vivarium {

namespace {
// One command's worth; as much as a disk's largest. Bounds how long a reset can have to wait.
constexpr uint64_t kMaxTransferBytes = 32 << 20;

// READ CD, byte 9: which parts of a sector are wanted.
constexpr uint8_t kPartSync = 0x80;
constexpr uint8_t kPartHeader = 0x20;
constexpr uint8_t kPartUserData = 0x10;
constexpr uint8_t kPartErrorCodes = 0x08;
constexpr uint8_t kPartErrorFlags = 0x06;
constexpr std::array<uint8_t, 12> kSync{0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00};
constexpr size_t kErrorCodeBytes = 288;

uint8_t binaryCodedDecimal(uint32_t value) {
    return static_cast<uint8_t>(value / 10 % 10 << 4 | value % 10);
}

std::array<uint8_t, 4> sectorHeader(uint32_t lba) {
    uint32_t msf = msfAddress(lba);
    return {binaryCodedDecimal(msf >> 16), binaryCodedDecimal(msf >> 8 & 0xFF),
            binaryCodedDecimal(msf & 0xFF), 0x01 /* mode 1 */};
}
} // namespace

void AtapiDrive::testUnitReady(SataCommand& command) {
    succeed(command);
}

void AtapiDrive::requestSense(SataCommand& command) {
    ScsiSense sense = std::exchange(m_state.sense, kNoSense);
    if (sense == kNoSense && m_state.changePending && !m_state.removalPending) {
        m_state.changePending = false; // reported here instead (SPC-4, 6.39)
        sense = kMediumChanged;
    }
    sendReply(command, fixedSense(sense), command.packet[4]);
}

void AtapiDrive::inquiry(SataCommand& command) {
    uint16_t allocation = loadBe<uint16_t>(&command.packet[3]);
    bool vitalProduct = command.packet[1] & 0x01;
    if (!vitalProduct) {
        if (command.packet[2] != 0)
            return checkCondition(command, kInvalidField);
        return sendReply(command, opticalInquiry(), allocation);
    }
    auto page = opticalVitalProduct(command.packet[2], m_serialNumber);
    if (!page)
        return checkCondition(command, kInvalidField);
    sendReply(command, *page, allocation);
}

// --- Mode pages -----------------------------------------------------------------------------

void AtapiDrive::modeSense6(SataCommand& command) {
    uint8_t control = command.packet[2] >> 6;
    auto pages = opticalModePages(command.packet[2] & 0x3F, control, tray());
    if (control == 3 || !pages)
        return checkCondition(command, control == 3 ? kSavingNotSupported : kInvalidField);
    std::vector<uint8_t> reply{0, opticalMediumType(medium(), tray()), 0, 0};
    reply.insert(reply.end(), pages->begin(), pages->end());
    reply[0] = static_cast<uint8_t>(reply.size() - 1);
    sendReply(command, reply, command.packet[4]);
}

void AtapiDrive::modeSense10(SataCommand& command) {
    uint8_t control = command.packet[2] >> 6;
    auto pages = opticalModePages(command.packet[2] & 0x3F, control, tray());
    if (control == 3 || !pages)
        return checkCondition(command, control == 3 ? kSavingNotSupported : kInvalidField);
    std::vector<uint8_t> reply{0, 0, opticalMediumType(medium(), tray()), 0, 0, 0, 0, 0};
    reply.insert(reply.end(), pages->begin(), pages->end());
    storeBe<uint16_t>(reply.data(), static_cast<uint16_t>(reply.size() - 2));
    sendReply(command, reply, loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::modeSelect(SataCommand& command) {
    constexpr uint8_t kModeSelect10 = 0x55;
    uint64_t bytes = command.packet[0] == kModeSelect10 ? loadBe<uint16_t>(&command.packet[7])
                                                        : command.packet[4];
    // No page has a changeable value: the parameters are taken and mean nothing.
    GuestBuffers buffers = command.map(bytes);
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    succeed(command, buffers.sizeBytes);
}

// --- The disc -------------------------------------------------------------------------------

void AtapiDrive::readCapacity(SataCommand& command) {
    std::array<uint8_t, 8> reply;
    storeBe<uint32_t>(&reply[0], blockCount() - 1);
    storeBe<uint32_t>(&reply[4], kOpticalBlockBytes);
    sendReply(command, reply, reply.size());
}

void AtapiDrive::seek(SataCommand& command) {
    if (loadBe<uint32_t>(&command.packet[2]) >= blockCount())
        return checkCondition(command, kAddressOutOfRange);
    succeed(command);
}

void AtapiDrive::readSubchannel(SataCommand& command) {
    sendReply(command, opticalSubchannel(), loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::readToc(SataCommand& command) {
    // The format moved from byte 9 (SFF-8020i) to byte 2 (MMC).
    uint8_t format = command.packet[2] & 0x0F;
    if (format == 0)
        format = command.packet[9] >> 6;
    AddressForm form = command.packet[1] & 0x02 ? AddressForm::Msf : AddressForm::Lba;
    auto toc = opticalToc(format, form, command.packet[6], medium());
    if (!toc)
        return checkCondition(command, kInvalidField);
    sendReply(command, *toc, loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::getConfiguration(SataCommand& command) {
    auto reply = opticalConfiguration(command.packet[1] & 0x03,
                                      loadBe<uint16_t>(&command.packet[2]), medium());
    if (!reply)
        return checkCondition(command, kInvalidField);
    sendReply(command, *reply, loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::getEventStatus(SataCommand& command) {
    constexpr uint8_t kMediaClass = 4;
    constexpr uint8_t kNoEvent = 0x80;
    bool polled = command.packet[1] & 0x01;
    if (!polled) // no asynchronous notification (MMC-6, 6.6.2.1)
        return checkCondition(command, kInvalidField);
    uint16_t allocation = loadBe<uint16_t>(&command.packet[7]);
    if (!(command.packet[4] & 1u << kMediaClass)) {
        const std::array<uint8_t, 4> none{0, 2, kNoEvent, 1 << kMediaClass};
        return sendReply(command, none, allocation);
    }
    uint8_t event = 0;
    bool delivered = allocation >= 5; // the header alone takes nothing from the queue
    auto take = [&](bool& pending, uint8_t code) {
        if (event != 0 || !pending)
            return;
        event = code;
        if (delivered)
            pending = false;
    };
    take(m_state.ejectRequested, 1);
    take(m_state.removalEvent, 3);
    take(m_state.newMediumEvent, 2);
    auto status = static_cast<uint8_t>((m_io.image() ? 0x02 : 0) | (m_state.trayOpen ? 0x01 : 0));
    const std::array<uint8_t, 8> reply{0, 6, kMediaClass, 1 << kMediaClass, event, status, 0, 0};
    sendReply(command, reply, allocation);
}

void AtapiDrive::readDiscInformation(SataCommand& command) {
    if (command.packet[1] & 0x07) // only the standard data type
        return checkCondition(command, kInvalidField);
    sendReply(command, opticalDiscInformation(), loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::readTrackInformation(SataCommand& command) {
    auto reply = opticalTrackInformation(command.packet[1] & 0x03,
                                         loadBe<uint32_t>(&command.packet[2]), medium());
    if (!reply)
        return checkCondition(command, kInvalidField);
    sendReply(command, *reply, loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::readDvdStructure(SataCommand& command) {
    if (!medium().isDvd())
        return checkCondition(command, ScsiSense{0x5, 0x30, 0x02}); // incompatible format
    auto reply = opticalDvdStructure(command.packet[7], command.packet[6], medium());
    if (!reply)
        return checkCondition(command, kInvalidField);
    sendReply(command, *reply, loadBe<uint16_t>(&command.packet[8]));
}

void AtapiDrive::mechanismStatus(SataCommand& command) {
    std::array<uint8_t, 8> reply{};
    reply[1] = m_state.trayOpen ? 0x10 : 0;
    sendReply(command, reply, loadBe<uint16_t>(&command.packet[8]));
}

// --- Reading --------------------------------------------------------------------------------

void AtapiDrive::read10(SataCommand& command) {
    readBlocks(command, loadBe<uint32_t>(&command.packet[2]), loadBe<uint16_t>(&command.packet[7]));
}

void AtapiDrive::read12(SataCommand& command) {
    readBlocks(command, loadBe<uint32_t>(&command.packet[2]), loadBe<uint32_t>(&command.packet[6]));
}

bool AtapiDrive::checkRange(SataCommand& command, uint32_t first, uint64_t count, uint64_t bytes) {
    bool inside = rangeFits(first, count, blockCount());
    if (!inside || bytes > kMaxTransferBytes)
        checkCondition(command, inside ? kInvalidField : kAddressOutOfRange);
    return inside && bytes <= kMaxTransferBytes;
}

void AtapiDrive::readBlocks(SataCommand& command, uint32_t first, uint32_t count) {
    uint64_t bytes = uint64_t{count} * kOpticalBlockBytes;
    if (!checkRange(command, first, count, bytes))
        return;
    if (count == 0) // not an error (MMC-6, 6.16.2.4)
        return succeed(command);
    GuestBuffers buffers = command.map(bytes);
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    if (buffers.fault == GuestBuffers::Fault::TooShort)
        return overrun(command);
    submitRead(command, first, count, std::move(buffers.pieces), bytes);
}

void AtapiDrive::readCd(SataCommand& command) {
    uint8_t sectorType = command.packet[1] >> 2 & 0x07;
    uint8_t parts = command.packet[9];
    uint32_t first = loadBe<uint32_t>(&command.packet[2]);
    uint32_t count = loadBe<uint32_t>(&command.packet[5]) & 0xFFFFFF;
    if (sectorType != 0 && sectorType != 2) // any, or mode 1: there is nothing else on the disc
        return checkCondition(command, kIllegalTrackMode);
    if ((parts & kPartErrorFlags) != 0 || (command.packet[10] & 0x07) != 0)
        return checkCondition(command, kInvalidField);
    if ((parts & 0xF8) == kPartUserData)
        return readBlocks(command, first, count);
    readRaw(command, first, count, parts);
}

void AtapiDrive::readRaw(SataCommand& command, uint32_t first, uint32_t count, uint8_t parts) {
    uint64_t sectorBytes = (parts & kPartSync ? kSync.size() : 0) + (parts & kPartHeader ? 4 : 0) +
                           (parts & kPartUserData ? kOpticalBlockBytes : 0) +
                           (parts & kPartErrorCodes ? kErrorCodeBytes : 0);
    uint64_t bytes = sectorBytes * count;
    if (!checkRange(command, first, count, bytes))
        return;
    if (bytes == 0)
        return succeed(command);
    GuestBuffers buffers = command.map(bytes);
    if (buffers.fault == GuestBuffers::Fault::BadAddress)
        return m_host.commandFaulted(command.slot);
    if (buffers.fault == GuestBuffers::Fault::TooShort)
        return overrun(command);
    // The image has user data only: the rest is made here, the error codes as zeroes.
    static constexpr std::array<uint8_t, kErrorCodeBytes> kNoErrorCodes{};
    BufferCursor cursor(buffers);
    std::vector<iovec> userData;
    for (uint32_t i = 0; i < count; ++i) {
        bool fits = (!(parts & kPartSync) || cursor.put(kSync)) &&
                    (!(parts & kPartHeader) || cursor.put(sectorHeader(first + i))) &&
                    (!(parts & kPartUserData) || cursor.take(kOpticalBlockBytes, userData)) &&
                    (!(parts & kPartErrorCodes) || cursor.put(kNoErrorCodes));
        if (!fits) // the sum above says otherwise
            return checkCondition(command, kInvalidField);
    }
    if (userData.empty())
        return succeed(command, bytes);
    submitRead(command, first, count, std::move(userData), bytes);
}

// `pieces` take `count` blocks; what an image with an odd end lacks of its last block is zeroes.
void AtapiDrive::submitRead(SataCommand& command, uint32_t first, uint32_t count,
                            std::vector<iovec> pieces, uint64_t transferredBytes) {
    uint64_t offset = uint64_t{first} * kOpticalBlockBytes;
    uint64_t length = uint64_t{count} * kOpticalBlockBytes;
    uint64_t missing = length - std::min(length, m_io.image()->sizeBytes() - offset);
    length -= missing;
    while (missing > 0) {
        iovec& last = pieces.back();
        uint64_t part = std::min<uint64_t>(missing, last.iov_len);
        last.iov_len -= part;
        std::memset(static_cast<uint8_t*>(last.iov_base) + last.iov_len, 0, part);
        missing -= part;
        if (last.iov_len == 0)
            pieces.pop_back();
    }
    m_reading = &command;
    m_io.submit(BlockRequest::Kind::Read, offset, length, std::move(pieces),
                [this, &command, transferredBytes](int error) {
                    m_reading = nullptr;
                    if (error != 0)
                        checkCondition(command, kReadError);
                    else
                        succeed(command, transferredBytes);
                });
}

} // namespace vivarium
