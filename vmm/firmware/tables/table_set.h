#pragma once

#include "vmm/base/bytes.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace vivarium {

// ACPI tables under construction in one block, with the places that hold addresses and checksums:
// known only once somebody (firmware, or we) has chosen where the block lies.
class TableSet {
public:
    struct Pointer {
        uint32_t offset;   // where the pointer is
        uint8_t sizeBytes; // 4 or 8; it holds an offset into the block until it is linked
    };
    struct Checksum {
        uint32_t offset; // where the checksum byte is
        uint32_t start;  // what it covers
        uint32_t sizeBytes;
    };

    // Starts a table with its standard header (ACPI 6.4, 5.2.6); end() completes it. Returns its
    // offset in the block.
    uint32_t begin(std::string_view signature, uint8_t revision);
    void end();
    // Adds a ready table, whose checksum is kept up to date too. Returns its offset.
    uint32_t add(ConstByteSpan table);
    // Pads with zeros to a multiple of `alignment`; returns the offset.
    uint32_t align(uint32_t alignment);

    void u8(uint8_t value) { append(value, 1); }
    void u16(uint16_t value) { append(value, 2); }
    void u32(uint32_t value) { append(value, 4); }
    void u64(uint64_t value) { append(value, 8); }
    void zeros(size_t count) { m_bytes.resize(m_bytes.size() + count); }
    void bytes(ConstByteSpan content) {
        m_bytes.insert(m_bytes.end(), content.begin(), content.end());
    }
    // The address of block offset `target`.
    void pointer32(uint32_t target);
    void pointer64(uint32_t target);

    uint32_t size() const { return static_cast<uint32_t>(m_bytes.size()); }
    uint32_t tableOffset() const { return m_table; } // of the table begun last
    const std::vector<uint8_t>& block() const { return m_bytes; }
    const std::vector<Pointer>& pointers() const { return m_pointers; }
    const std::vector<Checksum>& checksums() const { return m_checksums; }

    // The block as it is at address `base`: pointers resolved, checksums right.
    std::vector<uint8_t> linkedAt(uint64_t base) const;

private:
    void append(uint64_t value, unsigned sizeBytes);

    std::vector<uint8_t> m_bytes;
    std::vector<Pointer> m_pointers;
    std::vector<Checksum> m_checksums;
    uint32_t m_table = 0;
};

// The byte that makes all bytes sum up to 0.
uint8_t checksumOf(ConstByteSpan bytes);

} // namespace vivarium
