#include "vmm/machine/qtest/base64.h"

#include <algorithm>
#include <array>

namespace vivarium {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> makeValues() {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (size_t i = 0; i < kAlphabet.size(); ++i)
        values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
    return values;
}
constexpr std::array<int8_t, 256> kValues = makeValues();

} // namespace

std::string toBase64(ConstByteSpan bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const size_t count = std::min<size_t>(3, bytes.size() - i);
        uint32_t group = uint32_t{bytes[i]} << 16;
        if (count > 1)
            group |= uint32_t{bytes[i + 1]} << 8;
        if (count > 2)
            group |= bytes[i + 2];
        for (size_t j = 0; j < 4; ++j)
            text += j <= count ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

Result<std::vector<uint8_t>> fromBase64(std::string_view text) {
    const Error error = fail(ErrorCode::InvalidArgument, "the data is not base64");
    if (text.size() % 4 != 0)
        return error;
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    std::vector<uint8_t> bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (size_t i = 0; i < text.size(); i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; ++j) {
            const bool padded = i + j >= text.size() - padding;
            const int value = padded ? 0 : kValues[static_cast<uint8_t>(text[i + j])];
            if (value < 0)
                return error;
            group = group << 6 | static_cast<uint32_t>(value);
        }
        for (int shift = 16; shift >= 0; shift -= 8)
            bytes.push_back(static_cast<uint8_t>(group >> shift));
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

} // namespace vivarium
