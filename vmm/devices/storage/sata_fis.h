#pragma once

#include "vmm/devices/storage/sata_drive.h"

#include <array>
#include <cstdint>
#include <optional>

namespace vivarium {

// Frames between host and device (Serial ATA 3.x, 10.5) as bytes.

enum class FisInterrupt { None, Requested };

struct HostRegisterFis {
    AtaTaskFile taskFile;
    bool isCommand = false; // else it carries the device control register
};
// nullopt when the bytes are not a host-to-device register FIS.
std::optional<HostRegisterFis> parseHostFis(const std::array<uint8_t, 20>& bytes);

std::array<uint8_t, 20> registerFis(const AtaReply& reply, FisInterrupt interrupt);
// The last setup frame of a PIO transfer; the reply's status is what the device shows afterwards.
std::array<uint8_t, 20> pioSetupFis(const AtaReply& reply, FisInterrupt interrupt);
// The one that fetches a packet of 12 bytes.
std::array<uint8_t, 20> packetSetupFis();
// `finished`: the tags (a bit each) whose commands are over.
std::array<uint8_t, 8> setDeviceBitsFis(const AtaReply& reply, uint32_t finished);

} // namespace vivarium
