#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vivarium {

using AtaSector = std::array<uint8_t, 512>;

constexpr unsigned kDiskHeads = 16; // of the geometry that CHS addresses use
constexpr unsigned kDiskSectorsPerTrack = 63;
constexpr uint8_t kMaxMultipleCount = 16; // sectors of one READ/WRITE MULTIPLE block
constexpr uint16_t kMaxTrimBlocks = 8;    // 512-byte blocks of ranges in one command
constexpr unsigned kQueueDepth = 32;

struct DiskIdentity {
    std::string serialNumber;
    uint64_t sectorCount = 0;
    uint8_t multipleCount = 0; // 0: multiple mode off
    uint8_t transferMode = 0;  // as SET FEATURES gives it
    bool writeCache = true;
    bool readLookAhead = true;
    bool smart = true;
};

// IDENTIFY DEVICE data (ACS-3, 7.12.7).
AtaSector identifyDisk(const DiskIdentity& identity);
// IDENTIFY PACKET DEVICE data of a CD/DVD drive (ACS-3, 7.13.6).
AtaSector identifyOptical(std::string_view serialNumber, uint8_t transferMode);
// True for modes that SET FEATURES may select (ACS-3, table 126): PIO 0-4, multiword DMA 0-2,
// Ultra DMA 0-6.
bool isTransferMode(uint8_t mode);

} // namespace vivarium
