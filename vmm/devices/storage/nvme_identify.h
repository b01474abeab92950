#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace vivarium {

using NvmePage = std::array<uint8_t, 4096>;

struct NvmeIdentity {
    std::string serialNumber; // at most 20 printable characters
    uint64_t sectorCount = 0; // of 512 bytes
    bool readOnly = false;
    uint16_t pciVendor = 0;
    uint16_t subsystemVendor = 0;
};

constexpr uint8_t kNvmeAbortLimit = 4;            // commands at once
constexpr uint8_t kNvmeEventRequestLimit = 4;     // likewise
constexpr uint32_t kNvmeNamespaceNotice = 1 << 8; // async event: a namespace has changed

// Identify data (NVMe 1.4, 5.15.2).
NvmePage identifyNvmeController(const NvmeIdentity& identity);
NvmePage identifyNvmeNamespace(const NvmeIdentity& identity);
NvmePage nvmeNamespaceDescriptors(const NvmeIdentity& identity); // the UUID of namespace 1

} // namespace vivarium
