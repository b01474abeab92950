#include "vmm/backends/vnc/vnc_text.h"

#include <cstddef>
#include <cstdint>

namespace vivarium {

namespace {

// The code point at `at`, which moves behind it; nullopt for what RFC 3629 forbids (overlong
// forms, surrogates, beyond U+10FFFF, truncation).
std::optional<uint32_t> nextCodePoint(std::string_view text, size_t& at) {
    auto lead = static_cast<uint8_t>(text[at++]);
    if (lead < 0x80)
        return lead;
    unsigned tail = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at < tail)
        return std::nullopt;
    uint32_t codePoint = lead & (0x3Fu >> tail);
    for (unsigned i = 0; i < tail; ++i) {
        auto byte = static_cast<uint8_t>(text[at++]);
        if ((byte & 0xC0) != 0x80)
            return std::nullopt;
        codePoint = codePoint << 6 | (byte & 0x3F);
    }
    constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (codePoint < kLeast[tail] || codePoint > 0x10FFFF ||
        (codePoint >= 0xD800 && codePoint <= 0xDFFF))
        return std::nullopt;
    return codePoint;
}

} // namespace

std::string latin1ToUtf8(std::string_view latin1) {
    std::string text;
    text.reserve(latin1.size());
    for (char c : latin1) {
        auto byte = static_cast<uint8_t>(c);
        if (byte < 0x80) {
            text.push_back(c);
        } else {
            text.push_back(static_cast<char>(0xC0 | byte >> 6));
            text.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
        }
    }
    return text;
}

std::optional<std::string> utf8ToLatin1(std::string_view utf8) {
    std::string text;
    text.reserve(utf8.size());
    for (size_t at = 0; at < utf8.size();) {
        auto codePoint = nextCodePoint(utf8, at);
        if (!codePoint)
            return std::nullopt;
        text.push_back(*codePoint < 0x100 ? static_cast<char>(*codePoint) : '?');
    }
    return text;
}

} // namespace vivarium
