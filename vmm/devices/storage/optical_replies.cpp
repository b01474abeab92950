#include "vmm/devices/storage/optical_replies.h"

#include "vmm/base/bytes.h"

#include <algorithm>

namespace vivarium {

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kLeadOutTrack = 0xAA;
constexpr uint8_t kDataTrack = 0x14; // ADR 1, control: data, copying prohibited

void put16(Bytes& out, uint16_t value) {
    out.push_back(static_cast<uint8_t>(value >> 8));
    out.push_back(static_cast<uint8_t>(value));
}

void put32(Bytes& out, uint32_t value) {
    put16(out, static_cast<uint16_t>(value >> 16));
    put16(out, static_cast<uint16_t>(value));
}

void putText(Bytes& out, std::string_view text, size_t width) {
    for (size_t i = 0; i < width; ++i)
        out.push_back(static_cast<uint8_t>(i < text.size() ? text[i] : ' '));
}

// Most replies begin with the number of bytes after that 16-bit field.
Bytes withLength(Bytes reply) {
    storeBe<uint16_t>(reply.data(), static_cast<uint16_t>(reply.size() - 2));
    return reply;
}

void putAddress(Bytes& out, AddressForm form, uint32_t lba) {
    put32(out, form == AddressForm::Msf ? msfAddress(lba) : lba);
}

// --- TOC ------------------------------------------------------------------------------------

// MMC-6, 6.25.3.2
std::optional<Bytes> trackToc(AddressForm form, uint8_t firstTrack, const OpticalMedium& medium) {
    if (firstTrack > 1 && firstTrack != kLeadOutTrack)
        return std::nullopt;
    Bytes toc{0, 0, 1, 1}; // first and last track
    if (firstTrack <= 1) {
        toc.insert(toc.end(), {0, kDataTrack, 1, 0});
        putAddress(toc, form, 0);
    }
    toc.insert(toc.end(), {0, kDataTrack, kLeadOutTrack, 0});
    putAddress(toc, form, medium.blockCount);
    return withLength(std::move(toc));
}

// MMC-6, 6.25.3.3
Bytes sessionToc(AddressForm form) {
    Bytes toc{0, 0, 1, 1, 0, kDataTrack, 1, 0};
    putAddress(toc, form, 0);
    return withLength(std::move(toc));
}

// MMC-6, 6.25.3.4: points A0h (first track), A1h (last track), A2h (lead-out), track 1.
Bytes rawToc(const OpticalMedium& medium) {
    Bytes toc{0, 0, 1, 1};
    auto point = [&toc](uint8_t number, uint32_t address) {
        // One by one: GCC 12 warns at -O3 of an overflow that inserting the list does not have.
        for (uint8_t byte :
             {uint8_t{1}, kDataTrack, uint8_t{0}, number, uint8_t{0}, uint8_t{0}, uint8_t{0}})
            toc.push_back(byte);
        put32(toc, address);
    };
    point(0xA0, 0x00010000);
    point(0xA1, 0x00010000);
    point(0xA2, msfAddress(medium.blockCount));
    point(1, msfAddress(0));
    return withLength(std::move(toc));
}

// --- Features (MMC-6, 5.3) --------------------------------------------------------------------

constexpr uint16_t kProfileCdRom = 0x0008;
constexpr uint16_t kProfileDvdRom = 0x0010;

struct Feature {
    uint16_t number;
    uint8_t version;
    bool persistent;
    bool current;
    Bytes data; // a multiple of 4 bytes
};

std::vector<Feature> opticalFeatures(const OpticalMedium& medium) {
    bool dvd = medium.isDvd();
    bool cd = medium.present && !dvd;
    Bytes profiles;
    put16(profiles, kProfileDvdRom);
    put16(profiles, dvd ? 0x0100 : 0);
    put16(profiles, kProfileCdRom);
    put16(profiles, cd ? 0x0100 : 0);
    return {
        {0x0000, 0, true, true, profiles},
        {0x0001, 2, true, true, {0, 0, 0, 2 /* ATAPI */, 0x01, 0, 0, 0}},
        {0x0002, 1, true, true, {0x02, 0, 0, 0}}, // morphing: reports by polling
        {0x0003, 0, true, true, {0x29, 0, 0, 0}}, // tray, eject, lock
        {0x0010, 0, false, medium.present, {0, 0, 0x08, 0x00, 0, 1, 1, 0}}, // 2048-byte blocks
        {0x001D, 0, false, cd, {}},                                         // multi-read
        {0x001E, 2, false, cd, {0, 0, 0, 0}},                               // CD read
        {0x001F, 0, false, dvd, {0, 0, 0, 0}},                              // DVD read
        {0x0100, 0, true, true, {}},                                        // power management
        {0x0105, 1, true, true, {0, 0, 0, 0}},                              // time-out
    };
}

// --- Mode pages (MMC-6, 7) --------------------------------------------------------------------

Bytes modePage(uint8_t page, const TrayState& tray) {
    switch (page) {
    case 0x01: // read error recovery
        return {0x01, 6, 0x00, 5, 0, 0, 0, 0};
    case 0x0E: // CD audio control
        return {0x0E, 14, 0x04, 0, 0, 0, 0, 75, 0x01, 0xFF, 0x02, 0xFF, 0, 0, 0, 0};
    case 0x1A: // power condition
        return {0x1A, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    case 0x2A: // capabilities and mechanical status
        return {0x2A,
                20,
                0x0B, // reads CD-R, CD-RW, DVD-ROM
                0x00, // writes nothing
                0x70, // mode 2 forms 1 and 2, multi-session
                0x00,
                static_cast<uint8_t>(0x29 | (tray.locked ? 0x02 : 0)), // tray, eject, lock
                0x00,
                0x0B,
                0x00, // at most 2816 kB/s
                0x00,
                0x02, // volume levels
                0x02,
                0x00, // buffer, KiB
                0x0B,
                0x00, // present speed
                0,
                0,
                0,
                0,
                0,
                0};
    default:
        return {};
    }
}

constexpr uint8_t kModePages[] = {0x01, 0x0E, 0x1A, 0x2A};
constexpr uint8_t kAllModePages = 0x3F;

} // namespace

uint32_t msfAddress(uint32_t lba) {
    uint64_t frames = uint64_t{lba} + 150; // two seconds before block 0
    auto minutes = static_cast<uint32_t>(std::min<uint64_t>(frames / (60 * 75), 255));
    return minutes << 16 | static_cast<uint32_t>(frames / 75 % 60) << 8 |
           static_cast<uint32_t>(frames % 75);
}

std::vector<uint8_t> opticalInquiry() {
    Bytes reply{0x05, 0x80, 0x05, 0x02, 31, 0, 0, 0}; // CD/DVD, removable, SPC-3
    putText(reply, "VIVARIUM", 8);
    putText(reply, "DVD-ROM", 16);
    putText(reply, "1.0", 4);
    return reply;
}

std::optional<std::vector<uint8_t>> opticalVitalProduct(uint8_t page, std::string_view serial) {
    Bytes reply{0x05, page, 0, 0};
    switch (page) {
    case 0x00: // supported pages
        reply.insert(reply.end(), {0x00, 0x80, 0x83});
        break;
    case 0x80: // unit serial number
        putText(reply, serial, serial.size());
        break;
    case 0x83: // identification: one T10 vendor id descriptor in ASCII
        reply.insert(reply.end(), {0x02, 0x01, 0, static_cast<uint8_t>(8 + serial.size())});
        putText(reply, "VIVARIUM", 8);
        putText(reply, serial, serial.size());
        break;
    default:
        return std::nullopt;
    }
    reply[3] = static_cast<uint8_t>(reply.size() - 4);
    return reply;
}

std::optional<std::vector<uint8_t>> opticalToc(uint8_t format, AddressForm form, uint8_t firstTrack,
                                               const OpticalMedium& medium) {
    switch (format) {
    case 0:
        return trackToc(form, firstTrack, medium);
    case 1:
        return sessionToc(form);
    case 2:
        return rawToc(medium);
    default:
        return std::nullopt;
    }
}

std::optional<std::vector<uint8_t>> opticalConfiguration(uint8_t requestType, uint16_t firstFeature,
                                                         const OpticalMedium& medium) {
    if (requestType > 2)
        return std::nullopt;
    Bytes reply(4); // length
    put16(reply, 0);
    put16(reply, !medium.present ? 0 : medium.isDvd() ? kProfileDvdRom : kProfileCdRom);
    for (const Feature& feature : opticalFeatures(medium)) {
        bool wanted = requestType == 2
                          ? feature.number == firstFeature
                          : feature.number >= firstFeature && (requestType == 0 || feature.current);
        if (!wanted)
            continue;
        put16(reply, feature.number);
        reply.push_back(static_cast<uint8_t>(feature.version << 2 | (feature.persistent ? 2 : 0) |
                                             (feature.current ? 1 : 0)));
        reply.push_back(static_cast<uint8_t>(feature.data.size()));
        reply.insert(reply.end(), feature.data.begin(), feature.data.end());
    }
    storeBe<uint32_t>(reply.data(), static_cast<uint32_t>(reply.size() - 4));
    return reply;
}

std::optional<std::vector<uint8_t>> opticalModePages(uint8_t page, uint8_t control,
                                                     const TrayState& tray) {
    Bytes reply;
    for (uint8_t known : kModePages) {
        if (page != known && page != kAllModePages)
            continue;
        Bytes values = modePage(known, tray);
        if (control == 1) // nothing can be changed
            std::fill(values.begin() + 2, values.end(), uint8_t{0});
        reply.insert(reply.end(), values.begin(), values.end());
    }
    return reply.empty() ? std::nullopt : std::optional(reply);
}

uint8_t opticalMediumType(const OpticalMedium& medium, const TrayState& tray) {
    if (tray.open)
        return 0x71;
    if (!medium.present)
        return 0x70;
    return medium.isDvd() ? 0x41 : 0x01; // 120 mm data disc
}

std::vector<uint8_t> opticalDiscInformation() {
    Bytes reply(34);
    reply[2] = 0x0E; // complete disc, complete last session
    reply[3] = 1;    // first track
    reply[4] = 1;    // sessions
    reply[5] = 1;    // first and last track of the last session
    reply[6] = 1;
    reply[7] = 0x20;                                                  // unrestricted use
    std::fill(reply.begin() + 16, reply.begin() + 24, uint8_t{0xFF}); // nothing can be added
    return withLength(std::move(reply));
}

std::optional<std::vector<uint8_t>> opticalTrackInformation(uint8_t addressType, uint32_t address,
                                                            const OpticalMedium& medium) {
    bool exists = addressType == 0   ? address < medium.blockCount
                  : addressType <= 2 ? address == 1
                                     : false; // track or session
    if (!exists)
        return std::nullopt;
    Bytes reply{0, 0, 1, 1, 0, 4 /* data */, 1 /* mode 1 */, 0};
    put32(reply, 0); // first block
    put32(reply, 0);
    put32(reply, 0);
    put32(reply, 0);
    put32(reply, medium.blockCount);
    reply.resize(36);
    return withLength(std::move(reply));
}

std::optional<std::vector<uint8_t>> opticalDvdStructure(uint8_t format, uint8_t layer,
                                                        const OpticalMedium& medium) {
    if (layer != 0)
        return std::nullopt;
    Bytes reply{0, 0, 0, 0};
    constexpr uint32_t kFirstDataSector = 0x030000;
    switch (format) {
    case 0x00: // physical format
        reply.insert(reply.end(), {0x01 /* DVD-ROM */, 0x0F /* 120 mm */, 0x01 /* embossed */, 0});
        put32(reply, kFirstDataSector);
        put32(reply, kFirstDataSector + medium.blockCount - 1);
        reply.resize(4 + kOpticalBlockBytes);
        break;
    case 0x01: // copyright: no protection, all regions
        reply.resize(4 + 4);
        break;
    case 0x04: // manufacturing information
        reply.resize(4 + kOpticalBlockBytes);
        break;
    case 0xFF: // list of these, each readable with its length
        for (uint8_t known : {0x00, 0x01, 0x04}) {
            reply.insert(reply.end(), {known, 0x40});
            put16(reply, known == 0x01 ? 8 : 4 + kOpticalBlockBytes);
        }
        break;
    default:
        return std::nullopt;
    }
    return withLength(std::move(reply));
}

std::vector<uint8_t> opticalSubchannel() {
    return {0, 0 /* no audio status */, 0, 0};
}

} // namespace vivarium
