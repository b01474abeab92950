#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// Writes fw_cfg's "etc/table-loader": 128-byte little-endian commands that tell firmware where to
// put tables and how to link them. File names have at most 55 bytes.
class TableLoader {
public:
    enum class Zone : uint8_t { High = 1, FirmwareSegment = 2 /* 0xF0000..0xFFFFF */ };

    void allocate(const std::string& file, uint32_t alignment, Zone zone);
    // Adds the address of `target` to the `sizeBytes` bytes at `offset` of `file`.
    void addPointer(const std::string& file, const std::string& target, uint32_t offset,
                    uint8_t sizeBytes);
    // Makes bytes [start, start + sizeBytes) of `file` sum up to 0 by the byte at `offset`.
    void addChecksum(const std::string& file, uint32_t offset, uint32_t start, uint32_t sizeBytes);

    const std::vector<uint8_t>& file() const { return m_bytes; }

private:
    uint8_t* command(uint32_t number);

    std::vector<uint8_t> m_bytes;
};

} // namespace vivarium
