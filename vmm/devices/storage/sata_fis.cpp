#include "vmm/devices/storage/sata_fis.h"

#include "vmm/base/bytes.h"
#include "vmm/devices/storage/ata_registers.h"

namespace vivarium {

namespace {

constexpr uint8_t kTypeHostRegister = 0x27;
constexpr uint8_t kTypeDeviceRegister = 0x34;
constexpr uint8_t kTypePioSetup = 0x5F;
constexpr uint8_t kTypeSetDeviceBits = 0xA1;
constexpr uint8_t kCommandBit = 0x80;
constexpr uint8_t kInterruptBit = 0x40;
constexpr uint8_t kToHostBit = 0x20;

uint8_t interruptBit(FisInterrupt interrupt) {
    return interrupt == FisInterrupt::Requested ? kInterruptBit : 0;
}

// Bytes 3 to 13 are laid out alike in register and PIO setup frames.
void putRegisters(std::array<uint8_t, 20>& fis, const AtaReply& reply) {
    fis[3] = reply.error;
    for (unsigned i = 0; i < 3; ++i) {
        fis[4 + i] = static_cast<uint8_t>(reply.lba >> (8 * i));
        fis[8 + i] = static_cast<uint8_t>(reply.lba >> (24 + 8 * i));
    }
    fis[7] = reply.device;
    storeLe<uint16_t>(&fis[12], reply.count);
}

} // namespace

std::optional<HostRegisterFis> parseHostFis(const std::array<uint8_t, 20>& bytes) {
    if (bytes[0] != kTypeHostRegister)
        return std::nullopt;
    HostRegisterFis fis;
    fis.isCommand = bytes[1] & kCommandBit;
    AtaTaskFile& registers = fis.taskFile;
    registers.command = bytes[2];
    registers.features = static_cast<uint16_t>(bytes[3] | bytes[11] << 8);
    for (unsigned i = 0; i < 3; ++i)
        registers.lba |= uint64_t{bytes[4 + i]} << (8 * i) | uint64_t{bytes[8 + i]} << (24 + 8 * i);
    registers.device = bytes[7];
    registers.count = loadLe<uint16_t>(&bytes[12]);
    registers.control = bytes[15];
    return fis;
}

std::array<uint8_t, 20> registerFis(const AtaReply& reply, FisInterrupt interrupt) {
    std::array<uint8_t, 20> fis{kTypeDeviceRegister, interruptBit(interrupt), reply.status};
    putRegisters(fis, reply);
    return fis;
}

std::array<uint8_t, 20> pioSetupFis(const AtaReply& reply, FisInterrupt interrupt) {
    bool toHost = reply.transfer != AtaReply::Transfer::PioToDevice;
    std::array<uint8_t, 20> fis{
        kTypePioSetup, static_cast<uint8_t>(interruptBit(interrupt) | (toHost ? kToHostBit : 0)),
        ata::kStatusIdle | ata::kStatusDataRequest};
    putRegisters(fis, reply);
    fis[15] = reply.status; // E_STATUS
    uint64_t last = reply.transferredBytes % reply.blockBytes;
    storeLe<uint16_t>(&fis[16], static_cast<uint16_t>(last ? last : reply.blockBytes));
    return fis;
}

std::array<uint8_t, 20> packetSetupFis() {
    constexpr uint16_t kPacketBytes = 12;
    AtaReply reply;
    reply.count = 0x01; // C/D: a command goes to the device (SFF-8020i, 9.9)
    std::array<uint8_t, 20> fis{kTypePioSetup, 0, ata::kStatusReady | ata::kStatusDataRequest};
    putRegisters(fis, reply);
    fis[15] = ata::kStatusBusy | ata::kStatusReady;
    storeLe<uint16_t>(&fis[16], kPacketBytes);
    return fis;
}

std::array<uint8_t, 8> setDeviceBitsFis(const AtaReply& reply, uint32_t finished) {
    constexpr uint8_t kCarriedStatus = 0x77; // BSY and DRQ are not in this frame
    std::array<uint8_t, 8> fis{kTypeSetDeviceBits, kInterruptBit,
                               static_cast<uint8_t>(reply.status & kCarriedStatus), reply.error};
    storeLe<uint32_t>(&fis[4], finished);
    return fis;
}

} // namespace vivarium
