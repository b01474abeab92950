#include "vmm/firmware/tables/table_loader.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cassert>

namespace vivarium {

namespace {
constexpr size_t kCommandBytes = 128;
constexpr size_t kNameBytes = 56;
constexpr uint32_t kAllocate = 1;
constexpr uint32_t kAddPointer = 2;
constexpr uint32_t kAddChecksum = 3;

void storeName(uint8_t* at, const std::string& name) {
    assert(name.size() < kNameBytes);
    std::copy(name.begin(), name.end(), at);
}
} // namespace

// Appends a zeroed command; returns its parameters.
uint8_t* TableLoader::command(uint32_t number) {
    size_t at = m_bytes.size();
    m_bytes.resize(at + kCommandBytes);
    storeLe<uint32_t>(&m_bytes[at], number);
    return &m_bytes[at + 4];
}

void TableLoader::allocate(const std::string& file, uint32_t alignment, Zone zone) {
    uint8_t* at = command(kAllocate);
    storeName(at, file);
    storeLe<uint32_t>(at + kNameBytes, alignment);
    at[kNameBytes + 4] = static_cast<uint8_t>(zone);
}

void TableLoader::addPointer(const std::string& file, const std::string& target, uint32_t offset,
                             uint8_t sizeBytes) {
    uint8_t* at = command(kAddPointer);
    storeName(at, file);
    storeName(at + kNameBytes, target);
    storeLe<uint32_t>(at + 2 * kNameBytes, offset);
    at[2 * kNameBytes + 4] = sizeBytes;
}

void TableLoader::addChecksum(const std::string& file, uint32_t offset, uint32_t start,
                              uint32_t sizeBytes) {
    uint8_t* at = command(kAddChecksum);
    storeName(at, file);
    storeLe<uint32_t>(at + kNameBytes, offset);
    storeLe<uint32_t>(at + kNameBytes + 4, start);
    storeLe<uint32_t>(at + kNameBytes + 8, sizeBytes);
}

} // namespace vivarium
