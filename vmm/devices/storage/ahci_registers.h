#pragma once

#include <cstdint>

// Registers of an AHCI host bus adapter (AHCI 1.3.1, 3).
namespace vivarium::ahci {

constexpr uint32_t kAbarBytes = 4096;

// Generic host control (3.1).
constexpr uint32_t kCapabilities = 0x00;
constexpr uint32_t kGlobalControl = 0x04;
constexpr uint32_t kInterruptStatus = 0x08;
constexpr uint32_t kPortsImplemented = 0x0C;
constexpr uint32_t kVersion = 0x10;
constexpr uint32_t kPortBase = 0x100;
constexpr uint32_t kPortBytes = 0x80;

constexpr uint32_t kGhcReset = 1u << 0;
constexpr uint32_t kGhcInterruptEnable = 1u << 1;
constexpr uint32_t kGhcAhciEnable = 1u << 31;

constexpr uint32_t kVersion13 = 0x00010300; // 1.3.1 adds device sleep, which is not here
constexpr unsigned kSlotCount = 32;

// Port registers (3.3), relative to the port's block.
constexpr uint32_t kPxCommandList = 0x00;
constexpr uint32_t kPxCommandListUpper = 0x04;
constexpr uint32_t kPxFisBase = 0x08;
constexpr uint32_t kPxFisBaseUpper = 0x0C;
constexpr uint32_t kPxInterruptStatus = 0x10;
constexpr uint32_t kPxInterruptEnable = 0x14;
constexpr uint32_t kPxCommand = 0x18;
constexpr uint32_t kPxTaskFile = 0x20;
constexpr uint32_t kPxSignature = 0x24;
constexpr uint32_t kPxSataStatus = 0x28;
constexpr uint32_t kPxSataControl = 0x2C;
constexpr uint32_t kPxSataError = 0x30;
constexpr uint32_t kPxSataActive = 0x34;
constexpr uint32_t kPxCommandIssue = 0x38;

// PxIS and PxIE (3.3.5, 3.3.6).
constexpr uint32_t kIntRegisterFis = 1u << 0;    // DHRS
constexpr uint32_t kIntPioSetup = 1u << 1;       // PSS
constexpr uint32_t kIntSetDeviceBits = 1u << 3;  // SDBS
constexpr uint32_t kIntDescriptor = 1u << 5;     // DPS
constexpr uint32_t kIntConnectChange = 1u << 6;  // PCS, mirrors PxSERR.DIAG.X
constexpr uint32_t kIntPhyReady = 1u << 22;      // PRCS, mirrors PxSERR.DIAG.N
constexpr uint32_t kIntOverflow = 1u << 24;      // OFS
constexpr uint32_t kIntHostBusFatal = 1u << 29;  // HBFS
constexpr uint32_t kIntTaskFileError = 1u << 30; // TFES
constexpr uint32_t kIntEnableMask = 0xFDC000FF;
constexpr uint32_t kIntMirrors = kIntConnectChange | kIntPhyReady;

// PxCMD (3.3.7).
constexpr uint32_t kCmdStart = 1u << 0;        // ST
constexpr uint32_t kCmdSpinUp = 1u << 1;       // SUD
constexpr uint32_t kCmdPowerOn = 1u << 2;      // POD
constexpr uint32_t kCmdListOverride = 1u << 3; // CLO
constexpr uint32_t kCmdFisEnable = 1u << 4;    // FRE
constexpr unsigned kCmdCurrentSlotShift = 8;   // CCS
constexpr uint32_t kCmdFisRunning = 1u << 14;  // FR
constexpr uint32_t kCmdListRunning = 1u << 15; // CR
constexpr uint32_t kCmdAtapi = 1u << 24;       // drives the activity LED only
constexpr uint32_t kCmdAtapiLed = 1u << 25;    // DLAE
constexpr uint32_t kCmdWritable = kCmdStart | kCmdFisEnable | kCmdAtapi | kCmdAtapiLed;

// PxSSTS, PxSCTL (3.3.10, 3.3.11).
constexpr uint32_t kDetectMask = 0xF;
constexpr uint32_t kDetectEstablished = 0x3;
constexpr uint32_t kDetectOffline = 0x4;
constexpr uint32_t kSctlDetectReset = 0x1;
constexpr uint32_t kSctlDetectOffline = 0x4;
constexpr uint32_t kSctlWritable = 0xFFF;
constexpr uint32_t kSstsActive = 0x100; // IPM: interface active
constexpr uint32_t kMaxGeneration = 2;  // 3 Gbit/s, as ICH9 has

// PxSERR (3.3.12).
constexpr uint32_t kSerrPhyReadyChange = 1u << 16; // DIAG.N
constexpr uint32_t kSerrExchanged = 1u << 26;      // DIAG.X
constexpr uint32_t kSerrWritable = 0x07FF0F03;

// PxTFD before the device has sent its first FIS (3.3.8).
constexpr uint32_t kTaskFileNoDevice = 0x7F;

// Command header, first doubleword (4.2.2).
constexpr uint32_t kHeaderBytes = 32;
constexpr uint16_t kHeaderAtapi = 1u << 5;      // A
constexpr uint16_t kHeaderClearBusy = 1u << 10; // C
// Command table (4.2.3).
constexpr uint32_t kTableFisBytes = 20;
constexpr uint32_t kTablePacketOffset = 0x40;
constexpr uint32_t kTablePrdOffset = 0x80;

// Received FIS area (4.2.1).
constexpr uint32_t kFisPioSetupOffset = 0x20;
constexpr uint32_t kFisRegisterOffset = 0x40;
constexpr uint32_t kFisSetDeviceBitsOffset = 0x58;

} // namespace vivarium::ahci
