#include "vmm/firmware/tables/table_set.h"

#include <cassert>

namespace vivarium {

namespace {
constexpr uint32_t kLengthOffset = 4;
constexpr uint32_t kChecksumOffset = 9;
constexpr std::string_view kOemId = "VIVARM";
constexpr std::string_view kOemTableId = "VIVARIUM";
constexpr std::string_view kCreatorId = "VIVA";
} // namespace

uint8_t checksumOf(ConstByteSpan bytes) {
    uint8_t sum = 0;
    for (uint8_t byte : bytes)
        sum = static_cast<uint8_t>(sum + byte);
    return static_cast<uint8_t>(-sum);
}

void TableSet::append(uint64_t value, unsigned sizeBytes) {
    for (unsigned i = 0; i < sizeBytes; ++i)
        m_bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint32_t TableSet::begin(std::string_view signature, uint8_t revision) {
    assert(signature.size() == 4);
    auto text = [&](std::string_view s) { m_bytes.insert(m_bytes.end(), s.begin(), s.end()); };
    m_table = align(8);
    text(signature);
    u32(0); // length and checksum: end()
    u8(revision);
    u8(0);
    text(kOemId);
    text(kOemTableId);
    u32(1); // OEM revision
    text(kCreatorId);
    u32(1);
    return m_table;
}

void TableSet::end() {
    uint32_t sizeBytes = size() - m_table;
    storeLe<uint32_t>(&m_bytes[m_table + kLengthOffset], sizeBytes);
    m_checksums.push_back({m_table + kChecksumOffset, m_table, sizeBytes});
}

uint32_t TableSet::add(ConstByteSpan table) {
    m_table = align(8);
    bytes(table);
    m_bytes[m_table + kChecksumOffset] = 0;
    m_checksums.push_back(
        {m_table + kChecksumOffset, m_table, static_cast<uint32_t>(table.size())});
    return m_table;
}

uint32_t TableSet::align(uint32_t alignment) {
    m_bytes.resize(static_cast<size_t>(alignUp(m_bytes.size(), alignment)));
    return size();
}

void TableSet::pointer32(uint32_t target) {
    m_pointers.push_back({size(), 4});
    u32(target);
}

void TableSet::pointer64(uint32_t target) {
    m_pointers.push_back({size(), 8});
    u64(target);
}

std::vector<uint8_t> TableSet::linkedAt(uint64_t base) const {
    std::vector<uint8_t> linked = m_bytes;
    for (const Pointer& pointer : m_pointers) {
        uint8_t* at = &linked[pointer.offset];
        if (pointer.sizeBytes == 4)
            storeLe<uint32_t>(at, static_cast<uint32_t>(loadLe<uint32_t>(at) + base));
        else
            storeLe<uint64_t>(at, loadLe<uint64_t>(at) + base);
    }
    for (const Checksum& checksum : m_checksums)
        linked[checksum.offset] =
            checksumOf(ConstByteSpan(linked).subspan(checksum.start, checksum.sizeBytes));
    return linked;
}

} // namespace vivarium
