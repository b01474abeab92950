#pragma once

#include <cstdint>

// Constants of NVM Express 1.4 that the controller and its tests share.
namespace vivarium::nvme {

// Controller registers (3.1).
constexpr uint32_t kCapabilities = 0x00;
constexpr uint32_t kVersion = 0x08;
constexpr uint32_t kInterruptMaskSet = 0x0C;
constexpr uint32_t kInterruptMaskClear = 0x10;
constexpr uint32_t kConfiguration = 0x14;
constexpr uint32_t kStatus = 0x1C;
constexpr uint32_t kAdminQueueAttributes = 0x24;
constexpr uint32_t kAdminSubmissionBase = 0x28;
constexpr uint32_t kAdminCompletionBase = 0x30;
constexpr uint32_t kDoorbells = 0x1000; // 3.1.24, stride 0: 4 bytes each
constexpr uint64_t kRegisterBarBytes = 0x2000;
constexpr unsigned kRegisterBar = 0;
constexpr unsigned kMsixBar = 4;

constexpr uint32_t kVersion14 = 0x00010400;
constexpr uint32_t kConfigEnable = 1 << 0;
constexpr uint32_t kConfigWritable = 0x00FFFFF1;
constexpr unsigned kConfigShutdownShift = 14;
constexpr unsigned kConfigSubmissionSizeShift = 16;
constexpr unsigned kConfigCompletionSizeShift = 20;
constexpr uint32_t kStatusReady = 1 << 0;
constexpr uint32_t kStatusFatal = 1 << 1;
constexpr uint32_t kStatusShutdownMask = 3 << 2;
constexpr uint32_t kStatusShutdownOccurring = 1 << 2;
constexpr uint32_t kStatusShutdownComplete = 2 << 2;

constexpr uint64_t kPageBytes = 4096;
constexpr uint32_t kSubmissionEntryBytes = 64;
constexpr uint32_t kCompletionEntryBytes = 16;
constexpr uint32_t kSubmissionEntryLog = 6;
constexpr uint32_t kCompletionEntryLog = 4;
constexpr uint32_t kMaxQueueEntries = 1024;
constexpr uint32_t kMaxAdminEntries = 4096;
constexpr uint32_t kMaxTransferLog = 7; // in pages: 512 KiB
constexpr uint64_t kMaxTransferBytes = kPageBytes << kMaxTransferLog;

// Admin commands (5).
constexpr uint8_t kDeleteSubmissionQueue = 0x00;
constexpr uint8_t kCreateSubmissionQueue = 0x01;
constexpr uint8_t kGetLogPage = 0x02;
constexpr uint8_t kDeleteCompletionQueue = 0x04;
constexpr uint8_t kCreateCompletionQueue = 0x05;
constexpr uint8_t kIdentify = 0x06;
constexpr uint8_t kAbort = 0x08;
constexpr uint8_t kSetFeatures = 0x09;
constexpr uint8_t kGetFeatures = 0x0A;
constexpr uint8_t kAsyncEventRequest = 0x0C;

// I/O commands (6).
constexpr uint8_t kFlush = 0x00;
constexpr uint8_t kWrite = 0x01;
constexpr uint8_t kRead = 0x02;
constexpr uint8_t kWriteZeroes = 0x08;
constexpr uint8_t kDatasetManagement = 0x09;

// Features (5.21.1).
constexpr uint8_t kFeatureArbitration = 0x01;
constexpr uint8_t kFeaturePower = 0x02;
constexpr uint8_t kFeatureTemperature = 0x04;
constexpr uint8_t kFeatureErrorRecovery = 0x05;
constexpr uint8_t kFeatureWriteCache = 0x06;
constexpr uint8_t kFeatureQueueCount = 0x07;
constexpr uint8_t kFeatureCoalescing = 0x08;
constexpr uint8_t kFeatureVector = 0x09;
constexpr uint8_t kFeatureAtomicity = 0x0A;
constexpr uint8_t kFeatureAsyncEvents = 0x0B;
constexpr unsigned kFeatureCount = 0x0C;

// Status field of a completion without its phase bit (4.6.1): code, type << 8, do not retry << 14.
using Status = uint16_t;
constexpr Status kDoNotRetry = 1 << 14;
constexpr Status kSuccess = 0x000;
constexpr Status kInvalidOpcode = 0x001 | kDoNotRetry;
constexpr Status kInvalidField = 0x002 | kDoNotRetry;
constexpr Status kDataTransferError = 0x004 | kDoNotRetry;
constexpr Status kInternalError = 0x006;
constexpr Status kAbortRequested = 0x007;
constexpr Status kInvalidNamespace = 0x00B | kDoNotRetry;
constexpr Status kSequenceError = 0x00C | kDoNotRetry;
constexpr Status kPrpOffsetInvalid = 0x013 | kDoNotRetry;
constexpr Status kLbaOutOfRange = 0x080 | kDoNotRetry;
constexpr Status kCompletionQueueInvalid = 0x100 | kDoNotRetry;
constexpr Status kInvalidQueueId = 0x101 | kDoNotRetry;
constexpr Status kInvalidQueueSize = 0x102 | kDoNotRetry;
constexpr Status kTooManyEventRequests = 0x105 | kDoNotRetry;
constexpr Status kInvalidVector = 0x108 | kDoNotRetry;
constexpr Status kInvalidLogPage = 0x109 | kDoNotRetry;
constexpr Status kInvalidQueueDeletion = 0x10C | kDoNotRetry;
constexpr Status kNotSaveable = 0x10D | kDoNotRetry;
constexpr Status kNotChangeable = 0x10E | kDoNotRetry;
constexpr Status kReadOnlyRange = 0x182 | kDoNotRetry;
constexpr Status kWriteFault = 0x280;
constexpr Status kReadError = 0x281;

} // namespace vivarium::nvme
