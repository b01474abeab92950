#include "vmm/firmware/tables/smbios_tables.h"

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/firmware/tables/table_set.h"

#include <algorithm>

namespace vivarium {

namespace {
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr size_t kMaxTextBytes = 64;
constexpr uint64_t kMaxModuleBytes = 16 * kGiB; // memory is shown as modules of this size
constexpr uint64_t kMaxModules = 64;

// Handles: the structure's type in the high byte.
constexpr uint16_t kHandleSystem = 0x0100;
constexpr uint16_t kHandleChassis = 0x0300;
constexpr uint16_t kHandleMemoryArray = 0x1000;

// Builds the structure table (SMBIOS 2.8, 6.1: formatted area, then strings, then two zeros).
class StructureTable {
public:
    void begin(uint8_t type, uint16_t handle) {
        m_start = m_bytes.size();
        m_strings.clear();
        u8(type);
        u8(0);
        u16(handle);
    }
    void u8(uint8_t value) { m_bytes.push_back(value); }
    void u16(uint16_t value) { append(value, 2); }
    void u32(uint32_t value) { append(value, 4); }
    void u64(uint64_t value) { append(value, 8); }
    void bytes(ConstByteSpan content) {
        m_bytes.insert(m_bytes.end(), content.begin(), content.end());
    }
    // The string's number, 0 for an empty one.
    void text(const std::string& value) {
        std::string clean;
        for (char c : value)
            if (c >= ' ' && c <= '~' && clean.size() < kMaxTextBytes)
                clean += c;
        if (clean.empty()) {
            u8(0);
            return;
        }
        m_strings.push_back(clean);
        u8(static_cast<uint8_t>(m_strings.size()));
    }
    void end() {
        size_t lengthBytes = m_bytes.size() - m_start;
        m_bytes[m_start + 1] = static_cast<uint8_t>(lengthBytes);
        for (const std::string& value : m_strings) {
            m_bytes.insert(m_bytes.end(), value.begin(), value.end());
            u8(0);
        }
        if (m_strings.empty())
            u8(0);
        u8(0);
        m_largestBytes = std::max(m_largestBytes, m_bytes.size() - m_start);
        ++m_count;
    }

    const std::vector<uint8_t>& content() const { return m_bytes; }
    uint16_t count() const { return m_count; }
    uint16_t largestBytes() const { return static_cast<uint16_t>(m_largestBytes); }

private:
    void append(uint64_t value, unsigned sizeBytes) {
        for (unsigned i = 0; i < sizeBytes; ++i)
            u8(static_cast<uint8_t>(value >> (8 * i)));
    }

    std::vector<uint8_t> m_bytes;
    std::vector<std::string> m_strings;
    size_t m_start = 0;
    size_t m_largestBytes = 0;
    uint16_t m_count = 0;
};

void addFirmware(StructureTable& table, const SmbiosDescription& d) { // 7.1
    table.begin(0, 0x0000);
    table.text(d.manufacturer);
    table.text(d.version);
    table.u16(0xE800); // start segment
    table.text("01/01/2026");
    table.u8(0);       // 64 KiB
    table.u64(1 << 3); // characteristics are not told
    table.u16(0x1800); // extension: virtual machine, UEFI not said, targeted content
    table.u8(0);
    table.u8(1);
    table.u8(0xFF);
    table.u8(0xFF);
    table.end();
}

void addSystem(StructureTable& table, const SmbiosDescription& d) { // 7.2
    table.begin(1, kHandleSystem);
    table.text(d.manufacturer);
    table.text(d.product);
    table.text(d.version);
    table.text(d.serialNumber);
    // 7.2.1: the first three fields of the UUID are little-endian.
    const std::array<uint8_t, 16>& u = d.uuid;
    const uint8_t wire[16] = {u[3], u[2], u[1],  u[0],  u[5],  u[4],  u[7],  u[6],
                              u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]};
    table.bytes(wire);
    table.u8(6); // woken by the power switch
    table.text("");
    table.text("Virtual machine");
    table.end();
}

void addChassis(StructureTable& table, const SmbiosDescription& d) { // 7.4
    table.begin(3, kHandleChassis);
    table.text(d.manufacturer);
    table.u8(1); // other
    table.text(d.version);
    table.text("");
    table.text("");
    table.u8(3); // boot-up, power supply and thermal states: safe
    table.u8(3);
    table.u8(3);
    table.u8(2); // security unknown
    table.u32(0);
    table.u8(0);
    table.u8(0);
    table.u8(0);
    table.u8(0);
    table.text("");
    table.end();
}

void addProcessor(StructureTable& table, const SmbiosDescription& d, uint32_t socket) { // 7.5
    table.begin(4, static_cast<uint16_t>(0x0400 + socket));
    table.text(formatText("CPU %u", socket));
    table.u8(3); // central processor
    table.u8(1); // family: other
    table.text(d.manufacturer);
    table.u64(0);
    table.text(d.processor);
    table.u8(0);
    table.u16(0); // external clock unknown
    table.u16(2000);
    table.u16(2000);
    table.u8(0x41);    // populated, enabled
    table.u8(1);       // other upgrade
    table.u16(0xFFFF); // no cache structures
    table.u16(0xFFFF);
    table.u16(0xFFFF);
    table.text("");
    table.text("");
    table.text("");
    uint64_t threads = uint64_t{d.coresPerSocket} * d.threadsPerCore;
    auto small = [](uint64_t n) { return static_cast<uint8_t>(std::min<uint64_t>(n, 255)); };
    table.u8(small(d.coresPerSocket));
    table.u8(small(d.coresPerSocket));
    table.u8(small(threads));
    table.u16(1 << 2); // 64 bits
    table.u16(1);
    table.end();
}

void addMemory(StructureTable& table, const SmbiosDescription& d) { // 7.17, 7.18, 7.20
    uint64_t total = d.memoryBelow4GiB + d.memoryAbove4GiB;
    uint64_t moduleBytes = kMaxModuleBytes;
    while (total > moduleBytes * kMaxModules)
        moduleBytes *= 2;
    uint64_t modules = std::max<uint64_t>(1, (total + moduleBytes - 1) / moduleBytes);
    table.begin(16, kHandleMemoryArray);
    table.u8(1); // other location
    table.u8(3); // system memory
    table.u8(6); // multi-bit ECC
    bool wide = total >= 2048 * kGiB;
    table.u32(wide ? 0x80000000 : static_cast<uint32_t>(total >> 10));
    table.u16(0xFFFE);
    table.u16(static_cast<uint16_t>(modules));
    table.u64(wide ? total : 0);
    table.end();
    for (uint64_t i = 0; i < modules; ++i) {
        uint64_t sizeMiB = std::min(moduleBytes, total - i * moduleBytes) / kMiB;
        bool extended = sizeMiB >= 0x7FFF;
        table.begin(17, static_cast<uint16_t>(0x1100 + i));
        table.u16(kHandleMemoryArray);
        table.u16(0xFFFE);
        table.u16(0xFFFF); // widths unknown
        table.u16(0xFFFF);
        table.u16(extended ? 0x7FFF : static_cast<uint16_t>(sizeMiB));
        table.u8(9); // DIMM
        table.u8(0);
        table.text(formatText("DIMM %u", static_cast<unsigned>(i)));
        table.text("");
        table.u8(7);       // RAM
        table.u16(1 << 1); // other
        table.u16(0);
        table.text(d.manufacturer);
        table.text("");
        table.text("");
        table.text("");
        table.u8(0);
        table.u32(extended ? static_cast<uint32_t>(sizeMiB) : 0);
        table.u16(0);
        table.u16(0);
        table.u16(0);
        table.u16(0);
        table.end();
    }
    auto addRange = [&](uint16_t index, uint64_t base, uint64_t sizeBytes) {
        if (sizeBytes == 0)
            return;
        uint64_t last = base + sizeBytes - 1;
        bool extended = last >> 10 >= 0xFFFFFFFF;
        table.begin(19, static_cast<uint16_t>(0x1300 + index));
        table.u32(extended ? 0xFFFFFFFF : static_cast<uint32_t>(base >> 10));
        table.u32(extended ? 0xFFFFFFFF : static_cast<uint32_t>(last >> 10));
        table.u16(kHandleMemoryArray);
        table.u8(static_cast<uint8_t>(std::min<uint64_t>(modules, 255)));
        table.u64(extended ? base : 0);
        table.u64(extended ? last : 0);
        table.end();
    };
    addRange(0, 0, d.memoryBelow4GiB);
    addRange(1, 4 * kGiB, d.memoryAbove4GiB);
}

StructureTable buildStructures(const SmbiosDescription& description) {
    StructureTable table;
    addFirmware(table, description);
    addSystem(table, description);
    addChassis(table, description);
    for (uint32_t socket = 0; socket < std::clamp(description.sockets, 1u, 64u); ++socket)
        addProcessor(table, description, socket);
    addMemory(table, description);
    table.begin(32, 0x2000); // boot information (7.33): no errors
    for (int i = 0; i < 6; ++i)
        table.u8(0);
    table.u8(0);
    table.end();
    table.begin(127, 0x7F00); // end of table
    table.end();
    return table;
}

// SMBIOS 2.8, 5.2.1.
constexpr size_t kAnchorBytes = 31;
constexpr size_t kIntermediateOffset = 16;
constexpr size_t kAddressOffset = 24;

std::vector<uint8_t> buildAnchor(const StructureTable& table) {
    std::vector<uint8_t> anchor(kAnchorBytes);
    constexpr std::string_view kSignature = "_SM_";
    constexpr std::string_view kIntermediate = "_DMI_";
    std::copy(kSignature.begin(), kSignature.end(), anchor.begin());
    anchor[5] = kAnchorBytes;
    anchor[6] = 2;
    anchor[7] = 8;
    storeLe<uint16_t>(&anchor[8], table.largestBytes());
    std::copy(kIntermediate.begin(), kIntermediate.end(), anchor.begin() + kIntermediateOffset);
    storeLe<uint16_t>(&anchor[22], static_cast<uint16_t>(table.content().size()));
    storeLe<uint16_t>(&anchor[28], table.count());
    anchor[30] = 0x28;
    return anchor;
}

void sealAnchor(std::vector<uint8_t>& anchor) {
    anchor[kIntermediateOffset + 5] =
        checksumOf(ConstByteSpan(anchor).subspan(kIntermediateOffset));
    anchor[4] = checksumOf(anchor);
}
} // namespace

SmbiosFiles buildSmbiosFiles(const SmbiosDescription& description) {
    StructureTable table = buildStructures(description);
    std::vector<uint8_t> anchor = buildAnchor(table);
    sealAnchor(anchor);
    return {anchor, table.content()};
}

Result<void> writeSmbiosTables(const SmbiosDescription& description, const GuestMemory& memory,
                               GuestAddress base, uint64_t spaceBytes) {
    if (base % 16 != 0 || base > 0xFFFFFFFF)
        return fail(ErrorCode::InvalidArgument, "SMBIOS: bad address");
    StructureTable table = buildStructures(description);
    std::vector<uint8_t> anchor = buildAnchor(table);
    GuestAddress tables = base + alignUp(kAnchorBytes, 16);
    if (!rangeFits(tables - base, table.content().size(), spaceBytes))
        return fail(ErrorCode::LimitExceeded, "SMBIOS: the tables do not fit");
    storeLe<uint32_t>(&anchor[kAddressOffset], static_cast<uint32_t>(tables));
    sealAnchor(anchor);
    if (!memory.write(tables, table.content()) || !memory.write(base, anchor))
        return fail(ErrorCode::InvalidArgument, "SMBIOS: no RAM at the address");
    return {};
}

} // namespace vivarium
