#pragma once

#include <cstdint>

// Offsets and bits of the type 0 configuration header (PCI 3.0, 6.1 and 6.2) and of the
// capabilities that PciDevice implements (6.8).
namespace vivarium::pci {

constexpr uint16_t kVendorId = 0x00;
constexpr uint16_t kDeviceId = 0x02;
constexpr uint16_t kCommand = 0x04;
constexpr uint16_t kStatus = 0x06;
constexpr uint16_t kRevisionId = 0x08; // one byte, then three of class code
constexpr uint16_t kCacheLineSize = 0x0C;
constexpr uint16_t kHeaderType = 0x0E;
constexpr uint16_t kBar0 = 0x10;
constexpr uint16_t kSubsystemVendorId = 0x2C;
constexpr uint16_t kSubsystemId = 0x2E;
constexpr uint16_t kExpansionRom = 0x30;
constexpr uint16_t kCapabilityPointer = 0x34;
constexpr uint16_t kInterruptLine = 0x3C;
constexpr uint16_t kInterruptPin = 0x3D;
constexpr uint16_t kHeaderBytes = 0x40;

constexpr uint16_t kCommandIo = 1 << 0;
constexpr uint16_t kCommandMemory = 1 << 1;
constexpr uint16_t kCommandBusMaster = 1 << 2;
constexpr uint16_t kCommandParity = 1 << 6;
constexpr uint16_t kCommandSystemError = 1 << 8;
constexpr uint16_t kCommandInterruptDisable = 1 << 10;
constexpr uint16_t kStatusInterrupt = 1 << 3;
constexpr uint16_t kStatusCapabilities = 1 << 4;
constexpr uint8_t kHeaderMultifunction = 0x80;
constexpr uint32_t kExpansionRomEnable = 1 << 0;

constexpr uint8_t kCapabilityMsi = 0x05;
constexpr uint8_t kCapabilityMsix = 0x11;
constexpr uint8_t kCapabilitySata = 0x12; // serial ATA data and index

// MSI with 64-bit address and per-vector masking (PCI 3.0, 6.8.1), relative to the capability.
constexpr uint8_t kMsiControl = 2;
constexpr uint8_t kMsiAddress = 4;
constexpr uint8_t kMsiData = 12;
constexpr uint8_t kMsiMaskBits = 16;
constexpr uint8_t kMsiPendingBits = 20;
constexpr uint8_t kMsiBytes = 24;
constexpr uint16_t kMsiEnable = 1 << 0;
constexpr unsigned kMsiCapableShift = 1; // log2 of the vectors that the function can use
constexpr unsigned kMsiEnabledShift = 4; // log2 of the vectors that software granted
constexpr uint16_t kMsi64Bit = 1 << 7;
constexpr uint16_t kMsiPerVectorMask = 1 << 8;

// MSI-X (PCI 3.0, 6.8.2).
constexpr uint8_t kMsixControl = 2;
constexpr uint8_t kMsixTable = 4;
constexpr uint8_t kMsixPending = 8;
constexpr uint8_t kMsixBytes = 12;
constexpr uint16_t kMsixEnable = 1 << 15;
constexpr uint16_t kMsixFunctionMask = 1 << 14;
constexpr uint16_t kMsixMaxVectors = 2048;
constexpr uint8_t kMsixEntryBytes = 16;
constexpr uint8_t kMsixEntryData = 8;
constexpr uint8_t kMsixVectorControl = 12;

} // namespace vivarium::pci
