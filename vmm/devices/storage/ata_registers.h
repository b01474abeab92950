#pragma once

#include <cstdint>

// Constants of ATA8-ACS / ACS-3 and of Serial ATA's register view.
namespace vivarium::ata {

// Status register (ACS-3, 6.2).
constexpr uint8_t kStatusError = 0x01;
constexpr uint8_t kStatusDataRequest = 0x08;
constexpr uint8_t kStatusSeekComplete = 0x10; // obsolete, but set by every disk
constexpr uint8_t kStatusDeviceFault = 0x20;
constexpr uint8_t kStatusReady = 0x40;
constexpr uint8_t kStatusBusy = 0x80;
constexpr uint8_t kStatusIdle = kStatusReady | kStatusSeekComplete;
constexpr uint8_t kStatusFailed = kStatusIdle | kStatusError;

// Error register (ACS-3, 6.3).
constexpr uint8_t kErrorAborted = 0x04;
constexpr uint8_t kErrorIdNotFound = 0x10;
constexpr uint8_t kErrorUncorrectable = 0x40;
constexpr uint8_t kErrorInterfaceCrc = 0x80;
constexpr uint8_t kDiagnosticsPassed = 0x01; // in the error register after a reset

// Device register.
constexpr uint8_t kDeviceLba = 0x40;
constexpr uint8_t kDeviceFua = 0x80; // queued commands

// Device control register.
constexpr uint8_t kControlSoftReset = 0x04;

// Signatures: LBA (24 bits) and count of the first register FIS (Serial ATA 3.x, 11.4).
constexpr uint64_t kDiskSignatureLba = 0x000001;
constexpr uint64_t kPacketSignatureLba = 0xEB1401;

// Commands (ACS-3, table of command codes); X = 48-bit form.
constexpr uint8_t kNop = 0x00;
constexpr uint8_t kDataSetManagement = 0x06;
constexpr uint8_t kDeviceReset = 0x08;
constexpr uint8_t kRecalibrate = 0x10;
constexpr uint8_t kReadSectors = 0x20;
constexpr uint8_t kReadSectorsNoRetry = 0x21;
constexpr uint8_t kReadSectorsX = 0x24;
constexpr uint8_t kReadDmaX = 0x25;
constexpr uint8_t kReadNativeMaxX = 0x27;
constexpr uint8_t kReadMultipleX = 0x29;
constexpr uint8_t kReadLogX = 0x2F;
constexpr uint8_t kWriteSectors = 0x30;
constexpr uint8_t kWriteSectorsNoRetry = 0x31;
constexpr uint8_t kWriteSectorsX = 0x34;
constexpr uint8_t kWriteDmaX = 0x35;
constexpr uint8_t kWriteMultipleX = 0x39;
constexpr uint8_t kWriteDmaFuaX = 0x3D;
constexpr uint8_t kReadVerify = 0x40;
constexpr uint8_t kReadVerifyNoRetry = 0x41;
constexpr uint8_t kReadVerifyX = 0x42;
constexpr uint8_t kReadLogDmaX = 0x47;
constexpr uint8_t kReadQueued = 0x60;
constexpr uint8_t kWriteQueued = 0x61;
constexpr uint8_t kSeek = 0x70;
constexpr uint8_t kDiagnostics = 0x90;
constexpr uint8_t kInitializeParameters = 0x91;
constexpr uint8_t kStandbyImmediateOld = 0x94;
constexpr uint8_t kIdleImmediateOld = 0x95;
constexpr uint8_t kStandbyOld = 0x96;
constexpr uint8_t kIdleOld = 0x97;
constexpr uint8_t kCheckPowerModeOld = 0x98;
constexpr uint8_t kSleepOld = 0x99;
constexpr uint8_t kPacket = 0xA0;
constexpr uint8_t kIdentifyPacket = 0xA1;
constexpr uint8_t kSmart = 0xB0;
constexpr uint8_t kReadMultiple = 0xC4;
constexpr uint8_t kWriteMultiple = 0xC5;
constexpr uint8_t kSetMultiple = 0xC6;
constexpr uint8_t kReadDma = 0xC8;
constexpr uint8_t kReadDmaNoRetry = 0xC9;
constexpr uint8_t kWriteDma = 0xCA;
constexpr uint8_t kWriteDmaNoRetry = 0xCB;
constexpr uint8_t kWriteMultipleFuaX = 0xCE;
constexpr uint8_t kStandbyImmediate = 0xE0;
constexpr uint8_t kIdleImmediate = 0xE1;
constexpr uint8_t kStandby = 0xE2;
constexpr uint8_t kIdle = 0xE3;
constexpr uint8_t kCheckPowerMode = 0xE5;
constexpr uint8_t kSleep = 0xE6;
constexpr uint8_t kFlush = 0xE7;
constexpr uint8_t kFlushX = 0xEA;
constexpr uint8_t kIdentify = 0xEC;
constexpr uint8_t kSetFeatures = 0xEF;
constexpr uint8_t kReadNativeMax = 0xF8;

} // namespace vivarium::ata
