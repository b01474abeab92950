#include "vmm/devices/storage/ata_logs.h"

#include "vmm/base/bytes.h"

#include <numeric>

namespace vivarium {

namespace {

// The last byte makes the sum of all bytes zero.
void seal(AtaSector& data) {
    unsigned sum = std::accumulate(data.begin(), data.end() - 1, 0u);
    data.back() = static_cast<uint8_t>(-sum);
}

constexpr uint8_t kSmartSummaryErrors = 0x01;
constexpr uint8_t kSmartSelfTest = 0x06;

} // namespace

AtaSector logDirectory() {
    AtaSector data{};
    storeLe<uint16_t>(&data[0], 0x0001);
    storeLe<uint16_t>(&data[kLogQueuedError * 2], 1); // pages
    return data;
}

AtaSector queuedErrorLog(const QueuedErrorLog& log) {
    AtaSector data{};
    data[0] = log.valid ? log.tag : 0x80; // NQ: the last error was of no queued command
    data[2] = log.status;
    data[3] = log.error;
    for (unsigned i = 0; i < 3; ++i) {
        data[4 + i] = static_cast<uint8_t>(log.lba >> (8 * i));
        data[8 + i] = static_cast<uint8_t>(log.lba >> (24 + 8 * i));
    }
    data[7] = log.device;
    storeLe<uint16_t>(&data[12], log.count);
    seal(data);
    return data;
}

AtaSector smartData() {
    AtaSector data{};
    storeLe<uint16_t>(&data[0], 0x0010);
    data[362] = 0x82;                      // off-line data collection finished
    data[367] = 0x19;                      // immediate off-line, self-test
    storeLe<uint16_t>(&data[368], 0x0003); // saves attributes
    data[370] = 0x01;                      // error logging
    data[372] = 1;                         // minutes of a short self-test
    data[373] = 1;                         // and of an extended one
    seal(data);
    return data;
}

AtaSector smartThresholds() {
    AtaSector data{};
    storeLe<uint16_t>(&data[0], 0x0010);
    seal(data);
    return data;
}

std::optional<AtaSector> smartLog(uint8_t address) {
    AtaSector data{};
    switch (address) {
    case kLogDirectory:
        storeLe<uint16_t>(&data[0], 0x0001);
        data[kSmartSummaryErrors * 2] = 1;
        data[kSmartSelfTest * 2] = 1;
        return data;
    case kSmartSummaryErrors:
    case kSmartSelfTest:
        data[0] = 0x01;
        seal(data);
        return data;
    default:
        return std::nullopt;
    }
}

} // namespace vivarium
