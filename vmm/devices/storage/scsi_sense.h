#pragma once

#include <array>
#include <cstdint>

namespace vivarium {

// Sense key, additional sense code and its qualifier (SPC-4, 4.5; MMC-6, annex F).
struct ScsiSense {
    uint8_t key = 0;
    uint8_t code = 0;
    uint8_t qualifier = 0;
    bool operator==(const ScsiSense&) const = default;
};

constexpr ScsiSense kNoSense{0x0, 0x00, 0x00};
constexpr ScsiSense kMediumAbsent{0x2, 0x3A, 0x01}; // tray closed
constexpr ScsiSense kMediumAbsentTrayOpen{0x2, 0x3A, 0x02};
constexpr ScsiSense kReadError{0x3, 0x11, 0x00};
constexpr ScsiSense kInvalidCommand{0x5, 0x20, 0x00};
constexpr ScsiSense kAddressOutOfRange{0x5, 0x21, 0x00};
constexpr ScsiSense kInvalidField{0x5, 0x24, 0x00};
constexpr ScsiSense kSavingNotSupported{0x5, 0x39, 0x00};
constexpr ScsiSense kRemovalPrevented{0x5, 0x53, 0x02};
constexpr ScsiSense kIllegalTrackMode{0x5, 0x64, 0x00};
constexpr ScsiSense kMediumChanged{0x6, 0x28, 0x00};
constexpr ScsiSense kDataPhaseError{0xB, 0x4B, 0x00};

// Fixed format, current error (SPC-4, 4.5.3).
constexpr std::array<uint8_t, 18> fixedSense(const ScsiSense& sense) {
    std::array<uint8_t, 18> data{};
    data[0] = 0x70;
    data[2] = sense.key;
    data[7] = 10; // bytes that follow
    data[12] = sense.code;
    data[13] = sense.qualifier;
    return data;
}

} // namespace vivarium
