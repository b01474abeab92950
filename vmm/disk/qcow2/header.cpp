#include "vmm/disk/qcow2/header.h"

#include "vmm/base/log.h"

#include <algorithm>

namespace vivarium::qcow2 {

namespace {

Error corrupt(std::string detail) {
    return fail(ErrorCode::Corrupt, "the qcow2 image is damaged: " + std::move(detail));
}

// Names from the image's own table, so that a feature of the future can be named.
std::string featureNames(uint64_t bits, ConstByteSpan table) {
    std::string names;
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (!(bits >> bit & 1))
            continue;
        std::string name = formatText("bit %u", bit);
        if (bit == 2)
            name = "external data file";
        else if (bit == 4)
            name = "extended L2 entries";
        for (size_t at = 0; at + kFeatureNameBytes <= table.size(); at += kFeatureNameBytes) {
            if (table[at] != 0 || table[at + 1] != bit)
                continue;
            std::string text(reinterpret_cast<const char*>(&table[at + 2]), kFeatureNameBytes - 2);
            text.resize(std::min(text.find('\0'), text.size()));
            for (char& c : text)
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                    c = '?';
            if (!text.empty())
                name = text;
        }
        names += names.empty() ? name : ", " + name;
    }
    return names;
}

// Reads the extensions in [from, end of cluster); sets the feature name table aside.
Result<void> parseExtensions(ConstByteSpan cluster, size_t from, size_t end, Header& header,
                             std::vector<uint8_t>& names) {
    size_t at = from;
    while (at + 8 <= end) {
        const uint32_t type = loadBe<uint32_t>(&cluster[at]);
        const uint32_t bytes = loadBe<uint32_t>(&cluster[at + 4]);
        if (type == kExtensionEnd)
            return {};
        at += 8;
        if (bytes > end - at)
            return corrupt("a header extension is too long");
        ConstByteSpan data = cluster.subspan(at, bytes);
        if (type == kExtensionFeatureNames)
            names.assign(data.begin(), data.end());
        else if (type == kExtensionBackingFormat)
            header.backingFormat.assign(data.begin(), data.end());
        else
            header.extensions.push_back({type, {data.begin(), data.end()}});
        at = std::min<size_t>(alignUp(at + bytes, 8), end);
    }
    return {};
}

Result<void> checkFeatures(const Header& header, ConstByteSpan names) {
    const uint64_t unknown = header.incompatible & ~kSupportedIncompatible;
    if (unknown != 0)
        return fail(ErrorCode::Unsupported,
                    "the qcow2 image uses unsupported features: " + featureNames(unknown, names));
    return {};
}

// A table of `bytes` bytes at `offset` lies in whole clusters after the header and inside the file.
Result<void> checkTable(const Header& header, const char* what, uint64_t offset, uint64_t bytes,
                        uint64_t fileBytes) {
    if (offset % header.clusterBytes() != 0)
        return corrupt(std::string(what) + " is not aligned");
    if (bytes > 0 && offset == 0)
        return corrupt(std::string(what) + " overlaps the header");
    if (!rangeFits(offset, bytes, std::min(fileBytes, kMaxHostOffset)))
        return corrupt(std::string(what) + " lies outside the file");
    return {};
}

Result<void> checkTables(const Header& header, uint64_t fileBytes) {
    const uint64_t l1Bytes = uint64_t{header.l1Entries} * 8;
    if (l1Bytes > kMaxL1Bytes)
        return fail(ErrorCode::LimitExceeded, "the qcow2 image's L1 table is too large");
    if (header.diskBytes > kMaxDiskBytes)
        return fail(ErrorCode::LimitExceeded, "the qcow2 image's disk is too large");
    if (header.l1Entries < header.l1EntriesFor(header.diskBytes))
        return corrupt("the L1 table is too small");
    const uint64_t tableBytes = uint64_t{header.refcountTableClusters} * header.clusterBytes();
    if (tableBytes > kMaxRefcountTableBytes)
        return fail(ErrorCode::LimitExceeded, "the qcow2 image's refcount table is too large");
    if (tableBytes == 0)
        return corrupt("there is no refcount table");
    if (header.snapshotCount > kMaxSnapshots)
        return fail(ErrorCode::LimitExceeded, "the qcow2 image has too many snapshots");
    TRY(checkTable(header, "the L1 table", header.l1Offset, l1Bytes, fileBytes));
    TRY(checkTable(header, "the refcount table", header.refcountTableOffset, tableBytes,
                   fileBytes));
    return checkTable(header, "the snapshot table", header.snapshotsOffset,
                      uint64_t{header.snapshotCount} * 40, fileBytes);
}

Result<void> parseVersion3(ConstByteSpan cluster, Header& header) {
    if (cluster.size() < kVersion3HeaderBytes)
        return corrupt("the header is cut off");
    header.incompatible = loadBe<uint64_t>(&cluster[72]);
    header.compatible = loadBe<uint64_t>(&cluster[80]);
    header.autoclear = loadBe<uint64_t>(&cluster[88]);
    const uint32_t order = loadBe<uint32_t>(&cluster[96]);
    header.headerBytes = loadBe<uint32_t>(&cluster[100]);
    if (order > 6)
        return corrupt("the refcount width is not valid");
    header.refcountOrder = order;
    if (header.headerBytes < kVersion3HeaderBytes || header.headerBytes > cluster.size())
        return corrupt("the header length is not valid");
    uint8_t compression = header.headerBytes > 104 ? cluster[104] : 0;
    if (((header.incompatible & kCompressionType) != 0) != (compression != 0))
        return corrupt("the compression type contradicts the feature bits");
    if (compression > 1)
        return fail(ErrorCode::Unsupported,
                    formatText("the qcow2 image uses unknown compression type %u", compression));
    header.compression = static_cast<Compression>(compression);
    if (header.headerBytes > kHeaderBytesWithCompression)
        header.unknownFields.assign(cluster.begin() + kHeaderBytesWithCompression,
                                    cluster.begin() + header.headerBytes);
    return {};
}

} // namespace

uint64_t Header::l1EntriesFor(uint64_t bytes) const {
    const unsigned coveredBits = clusterBits + (clusterBits - 3);
    return (bytes >> coveredBits) + ((bytes & ((uint64_t{1} << coveredBits) - 1)) != 0);
}

Result<uint64_t> headerClusterBytes(ConstByteSpan prefix) {
    if (prefix.size() < kHeaderPrefixBytes || loadBe<uint32_t>(prefix.data()) != kMagic)
        return fail(ErrorCode::Corrupt, "the file is not a qcow2 image");
    const uint32_t version = loadBe<uint32_t>(&prefix[4]);
    if (version != 2 && version != 3)
        return fail(ErrorCode::Unsupported,
                    formatText("qcow2 version %u is not supported", version));
    const uint32_t bits = loadBe<uint32_t>(&prefix[20]);
    if (bits < kMinClusterBits || bits > kMaxClusterBits)
        return corrupt("the cluster size is not valid");
    return uint64_t{1} << bits;
}

Result<Header> parseHeader(ConstByteSpan firstCluster, uint64_t fileBytes, HeaderUse use) {
    const uint64_t clusterBytes = TRY(headerClusterBytes(firstCluster));
    ConstByteSpan cluster = firstCluster.first(std::min<size_t>(firstCluster.size(), clusterBytes));
    if (cluster.size() < kVersion2HeaderBytes)
        return corrupt("the header is cut off");
    Header header;
    header.version = loadBe<uint32_t>(&cluster[4]);
    const uint64_t backingOffset = loadBe<uint64_t>(&cluster[8]);
    const uint32_t backingBytes = loadBe<uint32_t>(&cluster[16]);
    header.clusterBits = loadBe<uint32_t>(&cluster[20]);
    header.diskBytes = loadBe<uint64_t>(&cluster[24]);
    header.encryption = loadBe<uint32_t>(&cluster[32]);
    header.l1Entries = loadBe<uint32_t>(&cluster[36]);
    header.l1Offset = loadBe<uint64_t>(&cluster[40]);
    header.refcountTableOffset = loadBe<uint64_t>(&cluster[48]);
    header.refcountTableClusters = loadBe<uint32_t>(&cluster[56]);
    header.snapshotCount = loadBe<uint32_t>(&cluster[60]);
    header.snapshotsOffset = loadBe<uint64_t>(&cluster[64]);
    header.headerBytes = kVersion2HeaderBytes;
    if (header.version >= 3)
        TRY(parseVersion3(cluster, header));
    size_t extensionsEnd = cluster.size();
    if (backingOffset != 0) {
        if (backingBytes > kMaxBackingNameBytes ||
            !rangeFits(backingOffset, backingBytes, cluster.size()) ||
            backingOffset < header.headerBytes)
            return corrupt("the backing file name lies outside the header cluster");
        header.backingNameOffset = backingOffset;
        const auto* name = reinterpret_cast<const char*>(&cluster[backingOffset]);
        header.backingName.assign(name, backingBytes);
        extensionsEnd = backingOffset;
    }
    std::vector<uint8_t> names;
    TRY(parseExtensions(cluster, header.headerBytes, extensionsEnd, header, names));
    TRY(checkFeatures(header, names));
    if (header.encryption != 0)
        return fail(ErrorCode::Unsupported, "the qcow2 image is encrypted");
    if (use == HeaderUse::Normal || header.diskBytes > kMaxDiskBytes ||
        uint64_t{header.l1Entries} * 8 > kMaxL1Bytes)
        TRY(checkTables(header, fileBytes));
    return header;
}

namespace {

void appendExtension(std::vector<uint8_t>& out, uint32_t type, ConstByteSpan data) {
    const size_t at = out.size();
    out.resize(at + 8 + alignUp(data.size(), 8));
    storeBe<uint32_t>(&out[at], type);
    storeBe<uint32_t>(&out[at + 4], static_cast<uint32_t>(data.size()));
    std::copy(data.begin(), data.end(), out.begin() + static_cast<std::ptrdiff_t>(at + 8));
}

std::vector<uint8_t> featureNameTable() {
    struct Name {
        uint8_t type;
        uint8_t bit;
        const char* text;
    };
    constexpr Name kNames[] = {{0, 0, "dirty bit"},           {0, 1, "corrupt bit"},
                               {0, 2, "external data file"},  {0, 3, "compression type"},
                               {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"}};
    std::vector<uint8_t> table;
    for (const Name& name : kNames) {
        const size_t at = table.size();
        table.resize(at + kFeatureNameBytes);
        table[at] = name.type;
        table[at + 1] = name.bit;
        std::memcpy(&table[at + 2], name.text, std::strlen(name.text));
    }
    return table;
}

} // namespace

std::vector<uint8_t> serialiseHeader(const Header& header) {
    std::vector<uint8_t> out(header.headerBytes);
    storeBe<uint32_t>(&out[0], kMagic);
    storeBe<uint32_t>(&out[4], header.version);
    storeBe<uint32_t>(&out[20], header.clusterBits);
    storeBe<uint64_t>(&out[24], header.diskBytes);
    storeBe<uint32_t>(&out[32], header.encryption);
    storeBe<uint32_t>(&out[36], header.l1Entries);
    storeBe<uint64_t>(&out[40], header.l1Offset);
    storeBe<uint64_t>(&out[48], header.refcountTableOffset);
    storeBe<uint32_t>(&out[56], header.refcountTableClusters);
    storeBe<uint32_t>(&out[60], header.snapshotCount);
    storeBe<uint64_t>(&out[64], header.snapshotsOffset);
    if (header.version >= 3) {
        storeBe<uint64_t>(&out[72], header.incompatible);
        storeBe<uint64_t>(&out[80], header.compatible);
        storeBe<uint64_t>(&out[88], header.autoclear);
        storeBe<uint32_t>(&out[96], header.refcountOrder);
        storeBe<uint32_t>(&out[100], header.headerBytes);
        if (header.headerBytes > 104)
            out[104] = static_cast<uint8_t>(header.compression);
        std::copy(header.unknownFields.begin(), header.unknownFields.end(),
                  out.begin() + kHeaderBytesWithCompression);
    }
    if (!header.backingFormat.empty()) {
        const auto* text = reinterpret_cast<const uint8_t*>(header.backingFormat.data());
        appendExtension(out, kExtensionBackingFormat, {text, header.backingFormat.size()});
    }
    for (const HeaderExtension& extension : header.extensions)
        appendExtension(out, extension.type, extension.data);
    const std::vector<uint8_t> names = featureNameTable();
    if (header.version >= 3 && out.size() + 8 + names.size() + 8 <= kSectorBytes)
        appendExtension(out, kExtensionFeatureNames, names);
    appendExtension(out, kExtensionEnd, {});
    if (!header.backingName.empty()) {
        storeBe<uint64_t>(&out[8], header.backingNameOffset);
        storeBe<uint32_t>(&out[16], static_cast<uint32_t>(header.backingName.size()));
    }
    return out;
}

Result<uint64_t> placeBackingName(const Header& header, const std::string& newName) {
    const uint64_t areaEnd = serialiseHeader(header).size();
    const uint64_t bytes = newName.size();
    const Error tooLong = fail(ErrorCode::LimitExceeded,
                               "the backing file's name does not fit into the qcow2 header");
    if (bytes > kMaxBackingNameBytes)
        return tooLong;
    if (areaEnd + bytes <= kSectorBytes)
        return areaEnd;
    for (uint64_t place : {alignUp(areaEnd, 1024), alignUp(areaEnd, 1024) + 1024}) {
        const bool overOld = place < header.backingNameOffset + header.backingName.size() &&
                             header.backingNameOffset < place + bytes;
        if (!overOld && place + bytes <= header.clusterBytes())
            return place;
    }
    if (areaEnd + bytes > header.clusterBytes())
        return tooLong;
    return areaEnd; // a small cluster has room for one name only
}

} // namespace vivarium::qcow2
