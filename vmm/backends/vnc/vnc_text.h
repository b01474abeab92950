#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vivarium {

// Clipboard text: classic VNC messages carry Latin-1, extended ones UTF-8.
std::string latin1ToUtf8(std::string_view latin1);
// What Latin-1 lacks becomes '?'; nullopt when the text is not valid UTF-8.
std::optional<std::string> utf8ToLatin1(std::string_view utf8);

} // namespace vivarium
