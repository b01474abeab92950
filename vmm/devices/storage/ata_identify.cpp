#include "vmm/devices/storage/ata_identify.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <numeric>

namespace vivarium {

namespace {

constexpr uint64_t kMaxLba28Sectors = 0x0FFFFFFF;
constexpr uint16_t kMaxCylinders = 16383;

void setWord(AtaSector& data, unsigned word, uint16_t value) {
    storeLe<uint16_t>(&data[word * 2], value);
}

// ASCII padded with spaces, the first character of each pair in the high byte (ACS-3, 3.4.9).
void setText(AtaSector& data, unsigned firstWord, unsigned words, std::string_view text) {
    for (unsigned i = 0; i < words * 2; ++i)
        data[(firstWord * 2 + i) ^ 1] = static_cast<uint8_t>(i < text.size() ? text[i] : ' ');
}

// Words 63 and 88: supported modes below, the selected one above.
void setDmaModes(AtaSector& data, uint8_t transferMode) {
    auto selected = static_cast<uint16_t>(1u << (8 + (transferMode & 0x07)));
    bool multiword = (transferMode & 0xF8) == 0x20;
    bool ultra = (transferMode & 0xF8) == 0x40;
    setWord(data, 63, static_cast<uint16_t>(0x0007 | (multiword ? selected : 0)));
    setWord(data, 88, static_cast<uint16_t>(0x007F | (ultra ? selected : 0)));
    setWord(data, 64, 0x0003); // PIO 3 and 4
    for (unsigned word = 65; word <= 68; ++word)
        setWord(data, word, 120); // cycle times in ns
}

// Word 255: signature and checksum (ACS-3, 7.12.7.88).
void seal(AtaSector& data) {
    data[510] = 0xA5;
    data[511] = 0;
    data[511] = static_cast<uint8_t>(
        -std::accumulate(data.begin(), data.end(), uint8_t{0},
                         [](uint8_t a, uint8_t b) -> uint8_t { return a + b; }));
}

} // namespace

AtaSector identifyDisk(const DiskIdentity& identity) {
    AtaSector data{};
    constexpr unsigned kPerCylinder = kDiskHeads * kDiskSectorsPerTrack;
    uint64_t sectors = identity.sectorCount;
    auto cylinders =
        static_cast<uint16_t>(std::min<uint64_t>(sectors / kPerCylinder, kMaxCylinders));
    uint32_t chsSectors = uint32_t{cylinders} * kPerCylinder;
    auto lba28 = static_cast<uint32_t>(std::min(sectors, kMaxLba28Sectors));

    setWord(data, 0, 0x0040); // ATA, fixed
    setWord(data, 1, cylinders);
    setWord(data, 3, kDiskHeads);
    setWord(data, 4, kDiskSectorsPerTrack * 512); // words 4 and 5: for ATA-1 drivers
    setWord(data, 5, 512);
    setWord(data, 6, kDiskSectorsPerTrack);
    setText(data, 10, 10, identity.serialNumber);
    setText(data, 23, 4, "1.0");
    setText(data, 27, 20, "Vivarium HARDDISK");
    setWord(data, 47, 0x8000 | kMaxMultipleCount);
    setWord(data, 48, 0x4000);
    setWord(data, 49, 0x2F00); // standby timers, IORDY, LBA, DMA
    setWord(data, 50, 0x4000);
    setWord(data, 53, 0x0007); // words 54-58, 64-70 and 88 are valid
    setWord(data, 54, cylinders);
    setWord(data, 55, kDiskHeads);
    setWord(data, 56, kDiskSectorsPerTrack);
    setWord(data, 57, static_cast<uint16_t>(chsSectors));
    setWord(data, 58, static_cast<uint16_t>(chsSectors >> 16));
    setWord(data, 59, identity.multipleCount ? 0x0100 | identity.multipleCount : 0);
    setWord(data, 60, static_cast<uint16_t>(lba28));
    setWord(data, 61, static_cast<uint16_t>(lba28 >> 16));
    setDmaModes(data, identity.transferMode);
    setWord(data, 69, 0x4000); // reads of trimmed sectors are deterministic
    setWord(data, 75, kQueueDepth - 1);
    setWord(data, 76, 0x0106); // Serial ATA generations 1 and 2, NCQ
    setWord(data, 80, 0x03F0); // ATA/ATAPI-4 .. ACS-2
    setWord(data, 82, 0x4069); // NOP, look-ahead, write cache, power management, SMART
    setWord(data, 83, 0x7400); // FLUSH CACHE (EXT), 48-bit addresses
    setWord(data, 84, 0x4063); // FUA writes, general purpose logs, SMART logs
    setWord(data, 85,
            static_cast<uint16_t>(0x4008 | (identity.readLookAhead ? 0x40 : 0) |
                                  (identity.writeCache ? 0x20 : 0) | (identity.smart ? 1 : 0)));
    setWord(data, 86, 0x3400);
    setWord(data, 87, 0x4063);
    for (unsigned i = 0; i < 4; ++i)
        setWord(data, 100 + i, static_cast<uint16_t>(sectors >> (16 * i)));
    setWord(data, 105, kMaxTrimBlocks);
    setWord(data, 106, 0x4000); // one logical sector a physical one, 512 bytes
    setWord(data, 119, 0x4000);
    setWord(data, 120, 0x4000);
    setWord(data, 169, 0x0001); // TRIM
    setWord(data, 217, 0x0001); // does not rotate
    setWord(data, 222, 0x1020); // serial transport
    seal(data);
    return data;
}

AtaSector identifyOptical(std::string_view serialNumber, uint8_t transferMode) {
    AtaSector data{};
    setWord(data, 0, 0x85C0); // ATAPI, CD/DVD, removable, fast data request, 12-byte packets
    setText(data, 10, 10, serialNumber);
    setText(data, 23, 4, "1.0");
    setText(data, 27, 20, "Vivarium DVD-ROM");
    setWord(data, 49, 0x0F00); // IORDY, LBA, DMA
    setWord(data, 53, 0x0006);
    setDmaModes(data, transferMode);
    setWord(data, 71, 30); // ns from PACKET to bus release and from SERVICE to ready
    setWord(data, 72, 30);
    setWord(data, 76, 0x0006);
    setWord(data, 80, 0x03F0);
    setWord(data, 82, 0x4210); // NOP, DEVICE RESET, PACKET
    setWord(data, 83, 0x4000);
    setWord(data, 84, 0x4000);
    setWord(data, 85, 0x4210);
    setWord(data, 87, 0x4000);
    setWord(data, 222, 0x1020);
    seal(data);
    return data;
}

bool isTransferMode(uint8_t mode) {
    return mode <= 0x01 || (mode >= 0x08 && mode <= 0x0C) || (mode >= 0x20 && mode <= 0x22) ||
           (mode >= 0x40 && mode <= 0x46);
}

} // namespace vivarium
