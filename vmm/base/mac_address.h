#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vivarium {

// The address of a network card (IEEE 802-2014, 8.2): six bytes in the order of transmission.
struct MacAddress {
    std::array<uint8_t, 6> bytes{};

    // "52:54:00:12:34:56" in either case, and no other form; nullopt for anything else.
    static std::optional<MacAddress> parse(std::string_view text);
    // An individual address of those that nobody assigns (locally administered), at random: 46 bits
    // that no two cards are going to share.
    static MacAddress random();

    std::string text() const; // lower-case, as parse() reads it
    // Whether a card can have it: not a group's address, and not zero.
    bool isIndividual() const;

    bool operator==(const MacAddress&) const = default;
};

} // namespace vivarium
