#pragma once

#include <string>
#include <string_view>

namespace vivarium {

// Whether `text` can be a drive's serial number: at most 20 printable ASCII characters.
bool isSerialNumber(std::string_view text);
// What a drive that was given no serial number calls itself: at most 20 printable characters of
// `id`.
std::string serialNumberFromId(std::string_view id);

} // namespace vivarium
