#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace vivarium {

// What a CD/DVD drive answers to questions about itself and its disc, as bytes (MMC-6, SPC-4).
// Pure functions: the drive adds sense data and allocation lengths.

constexpr uint32_t kOpticalBlockBytes = 2048;

// The disc: one closed session with one data track.
struct OpticalMedium {
    bool present = false;
    uint32_t blockCount = 0;
    bool isDvd() const { return present && blockCount > kMaxCdBlocks; }
    static constexpr uint32_t kMaxCdBlocks = 80 * 60 * 75; // 80 minutes of 75 blocks a second
};

struct TrayState {
    bool open = false;
    bool locked = false;
};

// nullopt from any of these: a field of the request names something that does not exist.

std::vector<uint8_t> opticalInquiry();
std::optional<std::vector<uint8_t>> opticalVitalProduct(uint8_t page, std::string_view serial);

enum class AddressForm { Lba, Msf };
// READ TOC/PMA/ATIP formats 0 (tracks), 1 (sessions) and 2 (raw).
std::optional<std::vector<uint8_t>> opticalToc(uint8_t format, AddressForm form, uint8_t firstTrack,
                                               const OpticalMedium& medium);
// GET CONFIGURATION; `requestType` 0 all features, 1 current ones, 2 only `firstFeature`.
std::optional<std::vector<uint8_t>> opticalConfiguration(uint8_t requestType, uint16_t firstFeature,
                                                         const OpticalMedium& medium);
// Mode page `page` (3Fh: all) as current (0), changeable (1) or default (2) values.
std::optional<std::vector<uint8_t>> opticalModePages(uint8_t page, uint8_t control,
                                                     const TrayState& tray);
// The mode parameter header's medium type.
uint8_t opticalMediumType(const OpticalMedium& medium, const TrayState& tray);
std::vector<uint8_t> opticalDiscInformation();
std::optional<std::vector<uint8_t>> opticalTrackInformation(uint8_t addressType, uint32_t address,
                                                            const OpticalMedium& medium);
std::optional<std::vector<uint8_t>> opticalDvdStructure(uint8_t format, uint8_t layer,
                                                        const OpticalMedium& medium);
std::vector<uint8_t> opticalSubchannel();

// The 4 bytes of a minute/second/frame address field of block `lba` (which counts from 00:02:00).
uint32_t msfAddress(uint32_t lba);

} // namespace vivarium
