#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"
#include "vmm/disk/qcow2/format.h"

#include <string>
#include <vector>

namespace vivarium::qcow2 {

struct HeaderExtension {
    uint32_t type = 0;
    std::vector<uint8_t> data;
};

// The first cluster of an image, host byte order. Fields and extensions that this version does not
// know are kept when the header is written again.
struct Header {
    uint32_t version = 3;
    unsigned clusterBits = 16;
    uint64_t diskBytes = 0;
    uint32_t encryption = 0;
    uint32_t l1Entries = 0;
    uint64_t l1Offset = 0;
    uint64_t refcountTableOffset = 0;
    uint32_t refcountTableClusters = 0;
    uint32_t snapshotCount = 0;
    uint64_t snapshotsOffset = 0;
    uint64_t incompatible = 0;
    uint64_t compatible = 0;
    uint64_t autoclear = 0;
    unsigned refcountOrder = 4; // refcounts have 1 << refcountOrder bits
    uint32_t headerBytes = kHeaderBytesWithCompression;
    Compression compression = Compression::Zlib;
    std::vector<uint8_t> unknownFields;      // from byte 112 to headerBytes
    std::vector<HeaderExtension> extensions; // without backing format and feature names
    std::string backingName;                 // as recorded ("": none); never opened by this code
    uint64_t backingNameOffset = 0;
    std::string backingFormat; // "" when not recorded

    uint64_t clusterBytes() const { return uint64_t{1} << clusterBits; }
    uint64_t l2Entries() const { return clusterBytes() / 8; }
    // L1 entries that a disk of `bytes` needs.
    uint64_t l1EntriesFor(uint64_t bytes) const;
};

// Bytes of an image's start that say how long its first cluster is.
constexpr size_t kHeaderPrefixBytes = 24;
// The cluster size that those bytes state. Errors: Corrupt (no qcow2), Unsupported (version).
Result<uint64_t> headerClusterBytes(ConstByteSpan prefix);

// Parses a first cluster (or what the file has of it) and checks every number that can be checked
// without other parts of the file; `fileBytes` bounds the tables. Errors: Corrupt; Unsupported,
// naming the features; LimitExceeded for tables that are too large.
enum class HeaderUse {
    Normal,
    Repair /* dirty, corrupt, misplaced tables are what it is there for */
};
Result<Header> parseHeader(ConstByteSpan firstCluster, uint64_t fileBytes, HeaderUse use);

// The header and its extensions, which refer to the name at header.backingNameOffset. What other
// programs may write there is kept; the table of feature names is left out where it would cross the
// first sector, so that a change is one sector and never half done.
std::vector<uint8_t> serialiseHeader(const Header& header);

// Where a new backing name goes, beside the old one if it does not fit into the first sector, so
// that it can be written first. LimitExceeded when the cluster is too small for it.
Result<uint64_t> placeBackingName(const Header& header, const std::string& newName);

} // namespace vivarium::qcow2
