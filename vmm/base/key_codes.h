#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

// A physical key: the Linux input event code (linux/input-event-codes.h, KEY_*), 1..247. What X11
// calls key code is this plus 8.
enum class KeyCode : uint16_t {};

// The key called `name`: the KEY_ name in lower case without its prefix ("a", "enter", "leftctrl",
// "f12", "kpenter"), or a common alias ("ctrl", "alt", "shift", "super", "altgr", "return", "del",
// "escape", "pgup", "pgdn", "spc", "print"). Case does not matter.
std::optional<KeyCode> keyCodeFromName(std::string_view name);
// The canonical name; "unknown" for a code without one.
std::string_view keyCodeName(KeyCode code);

// A chord such as "ctrl+alt+delete" or "ctrl-alt-f1": keys in order of pressing. A lone "+" or "-"
// is not a name ("minus", "kpplus" are). nullopt when a part is not a key name.
std::optional<std::vector<KeyCode>> parseKeyChord(std::string_view text);

// How a US keyboard types a character: the key and whether Shift is held. nullopt for characters
// that are not on it.
struct KeyStroke {
    KeyCode key;
    bool shift;
};
std::optional<KeyStroke> keyStrokeForCharacter(char32_t character);

} // namespace vivarium
