#pragma once

#include "vmm/devices/storage/ata_identify.h"

#include <cstdint>
#include <optional>

namespace vivarium {

// What READ LOG EXT page 10h says about the queued command that failed.
struct QueuedErrorLog {
    bool valid = false;
    uint8_t tag = 0; // 0..31
    uint8_t status = 0;
    uint8_t error = 0;
    uint8_t device = 0;
    uint16_t count = 0;
    uint64_t lba = 0;
};

constexpr uint8_t kLogDirectory = 0x00;
constexpr uint8_t kLogQueuedError = 0x10;

// General purpose log directory (ACS-3, A.2).
AtaSector logDirectory();
// NCQ command error log (ACS-3, A.14).
AtaSector queuedErrorLog(const QueuedErrorLog& log);
// SMART READ DATA and READ THRESHOLDS of a drive without attributes.
AtaSector smartData();
AtaSector smartThresholds();
// SMART READ LOG page: directory, summary error log, self-test log; nullopt for others.
std::optional<AtaSector> smartLog(uint8_t address);

} // namespace vivarium
