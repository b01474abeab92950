#pragma once

#include <cstdint>

// The block device of virtio 1.2, 5.2.
namespace vivarium::virtio_block {

// Features (5.2.3).
constexpr uint64_t kFeatureSegmentCount = 1 << 2;
constexpr uint64_t kFeatureGeometry = 1 << 4;
constexpr uint64_t kFeatureReadOnly = 1 << 5;
constexpr uint64_t kFeatureBlockSize = 1 << 6;
constexpr uint64_t kFeatureFlush = 1 << 9;
constexpr uint64_t kFeatureTopology = 1 << 10;
constexpr uint64_t kFeatureConfigWriteCache = 1 << 11;
constexpr uint64_t kFeatureQueues = 1 << 12;
constexpr uint64_t kFeatureDiscard = 1 << 13;
constexpr uint64_t kFeatureWriteZeroes = 1 << 14;

// Configuration (5.2.4).
constexpr uint32_t kCapacity = 0; // in sectors of 512 bytes, whatever the block size
constexpr uint32_t kSegmentMax = 12;
constexpr uint32_t kCylinders = 16;
constexpr uint32_t kHeads = 18;
constexpr uint32_t kSectors = 19;
constexpr uint32_t kBlockSize = 20;
constexpr uint32_t kPhysicalBlockExponent = 24;
constexpr uint32_t kMinimumIoBlocks = 26;
constexpr uint32_t kWriteBack = 32;
constexpr uint32_t kQueueCount = 34;
constexpr uint32_t kMaxDiscardSectors = 36;
constexpr uint32_t kMaxDiscardSegments = 40;
constexpr uint32_t kDiscardAlignment = 44;
constexpr uint32_t kMaxZeroSectors = 48;
constexpr uint32_t kMaxZeroSegments = 52;
constexpr uint32_t kZeroMayUnmap = 56;
constexpr uint32_t kConfigBytes = 60;

// Request types (5.2.6).
constexpr uint32_t kRead = 0;
constexpr uint32_t kWrite = 1;
constexpr uint32_t kFlush = 4;
constexpr uint32_t kGetId = 8;
constexpr uint32_t kDiscard = 11;
constexpr uint32_t kWriteZeroes = 13;
constexpr uint64_t kHeaderBytes = 16; // type, reserved, sector
constexpr uint64_t kIdBytes = 20;
constexpr uint64_t kRangeBytes = 16; // sector, sector count, flags
constexpr uint32_t kRangeUnmap = 1;

constexpr uint8_t kStatusOk = 0;
constexpr uint8_t kStatusIoError = 1;
constexpr uint8_t kStatusUnsupported = 2;

} // namespace vivarium::virtio_block
