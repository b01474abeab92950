#pragma once

#include <cstdint>

// Numbers of the qcow2 format, versions 2 and 3 (QEMU's docs/interop/qcow2.txt, "the specification"
// in this folder), and the limits that this implementation sets.
namespace vivarium::qcow2 {

constexpr uint32_t kMagic = 0x514649fb; // "QFI\xfb"
constexpr unsigned kMinClusterBits = 9;
constexpr unsigned kMaxClusterBits = 21;
constexpr uint64_t kSectorBytes = 512;

constexpr uint32_t kVersion2HeaderBytes = 72;
constexpr uint32_t kVersion3HeaderBytes = 104; // without compression_type
constexpr uint32_t kHeaderBytesWithCompression = 112;

// Limits that QEMU sets too: a larger table would be memory that a small file can ask for.
constexpr uint64_t kMaxL1Bytes = 32 << 20;
constexpr uint64_t kMaxRefcountTableBytes = 8 << 20;
constexpr uint32_t kMaxSnapshots = 65536;
constexpr uint64_t kMaxSnapshotTableBytes = uint64_t{1024} * kMaxSnapshots;
constexpr uint32_t kMaxSnapshotExtraBytes = 1024;
constexpr uint32_t kMaxBackingNameBytes = 1023;
constexpr uint64_t kMaxDiskBytes = uint64_t{1} << 61;

// Incompatible features
constexpr uint64_t kDirty = 1 << 0;
constexpr uint64_t kCorrupt = 1 << 1;
constexpr uint64_t kExternalData = 1 << 2;
constexpr uint64_t kCompressionType = 1 << 3;
constexpr uint64_t kExtendedL2 = 1 << 4;
constexpr uint64_t kSupportedIncompatible = kDirty | kCorrupt | kCompressionType;
// Compatible features
constexpr uint64_t kLazyRefcounts = 1 << 0;
// Autoclear features
constexpr uint64_t kBitmaps = 1 << 0;

// Header extensions
constexpr uint32_t kExtensionEnd = 0;
constexpr uint32_t kExtensionBackingFormat = 0xe2792aca;
constexpr uint32_t kExtensionFeatureNames = 0x6803f857;
constexpr uint32_t kFeatureNameBytes = 48;

// L1 and L2 entries
constexpr uint64_t kCopied = uint64_t{1} << 63;
constexpr uint64_t kCompressed = uint64_t{1} << 62;
constexpr uint64_t kZero = 1;
constexpr uint64_t kOffsetMask = 0x00fffffffffffe00;
constexpr uint64_t kL1Reserved = 0x7f000000000001ff;
constexpr uint64_t kL2Reserved = 0x3f000000000001fe;
constexpr uint64_t kRefcountOffsetMask = 0xfffffffffffffe00;
// Host offsets stay below it (56 bits).
constexpr uint64_t kMaxHostOffset = uint64_t{1} << 56;

enum class Compression : uint8_t { Zlib = 0, Zstd = 1 };

} // namespace vivarium::qcow2
