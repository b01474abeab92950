#include "vmm/devices/storage/serial_number.h"

#include <algorithm>

namespace vivarium {

namespace {
constexpr size_t kMaxCharacters = 20;
constexpr std::string_view kPrefix = "VV-";
} // namespace

bool isSerialNumber(std::string_view text) {
    return text.size() <= kMaxCharacters &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string serialNumberFromId(std::string_view id) {
    std::string serial(kPrefix);
    for (char character : id.substr(0, kMaxCharacters - kPrefix.size()))
        serial += character > ' ' && character <= '~' ? character : '_';
    return serial;
}

} // namespace vivarium
