#include "vmm/base/mac_address.h"

#include <charconv>
#include <cstdio>
#include <random>

namespace vivarium {

namespace {

constexpr uint8_t kGroup = 0x01, kLocal = 0x02; // IEEE 802-2014, 8.2.2: I/G and U/L bits
constexpr size_t kTextLength = 17;

} // namespace

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    if (text.size() != kTextLength)
        return std::nullopt;
    MacAddress address;
    for (size_t i = 0; i < address.bytes.size(); ++i) {
        const char* digits = text.data() + i * 3;
        const auto [end, error] = std::from_chars(digits, digits + 2, address.bytes[i], 16);
        if (error != std::errc() || end != digits + 2)
            return std::nullopt;
        if (i + 1 < address.bytes.size() && digits[2] != ':')
            return std::nullopt;
    }
    return address;
}

MacAddress MacAddress::random() {
    std::random_device device;
    MacAddress address;
    for (uint8_t& byte : address.bytes)
        byte = static_cast<uint8_t>(device());
    address.bytes[0] = static_cast<uint8_t>((address.bytes[0] & ~kGroup) | kLocal);
    return address;
}

std::string MacAddress::text() const {
    char text[kTextLength + 1];
    std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                  bytes[3], bytes[4], bytes[5]);
    return text;
}

bool MacAddress::isIndividual() const {
    return (bytes[0] & kGroup) == 0 && *this != MacAddress{};
}

} // namespace vivarium
