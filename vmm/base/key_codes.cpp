#include "vmm/base/key_codes.h"

#include <algorithm>
#include <array>
#include <utility>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

constexpr size_t kMaxChordKeys = 16;

// Canonical names by code: KEY_ names of linux/input-event-codes.h in lower case. Empty: no key.
// KEY_PRINT is called "printout", because everybody means Print Screen (KEY_SYSRQ) by "print".
constexpr std::array<std::string_view, 248> kNames{{
    // clang-format off
    /* 0 */ "", "esc", "1", "2", "3", "4", "5", "6",
    /* 8 */ "7", "8", "9", "0", "minus", "equal", "backspace", "tab",
    /* 16 */ "q", "w", "e", "r", "t", "y", "u", "i",
    /* 24 */ "o", "p", "leftbrace", "rightbrace", "enter", "leftctrl", "a", "s",
    /* 32 */ "d", "f", "g", "h", "j", "k", "l", "semicolon",
    /* 40 */ "apostrophe", "grave", "leftshift", "backslash", "z", "x", "c", "v",
    /* 48 */ "b", "n", "m", "comma", "dot", "slash", "rightshift", "kpasterisk",
    /* 56 */ "leftalt", "space", "capslock", "f1", "f2", "f3", "f4", "f5",
    /* 64 */ "f6", "f7", "f8", "f9", "f10", "numlock", "scrolllock", "kp7",
    /* 72 */ "kp8", "kp9", "kpminus", "kp4", "kp5", "kp6", "kpplus", "kp1",
    /* 80 */ "kp2", "kp3", "kp0", "kpdot", "", "zenkakuhankaku", "102nd", "f11",
    /* 88 */ "f12", "ro", "katakana", "hiragana", "henkan", "katakanahiragana", "muhenkan", "kpjpcomma",
    /* 96 */ "kpenter", "rightctrl", "kpslash", "sysrq", "rightalt", "linefeed", "home", "up",
    /* 104 */ "pageup", "left", "right", "end", "down", "pagedown", "insert", "delete",
    /* 112 */ "macro", "mute", "volumedown", "volumeup", "power", "kpequal", "kpplusminus", "pause",
    /* 120 */ "scale", "kpcomma", "hangeul", "hanja", "yen", "leftmeta", "rightmeta", "compose",
    /* 128 */ "stop", "again", "props", "undo", "front", "copy", "open", "paste",
    /* 136 */ "find", "cut", "help", "menu", "calc", "setup", "sleep", "wakeup",
    /* 144 */ "file", "sendfile", "deletefile", "xfer", "prog1", "prog2", "www", "msdos",
    /* 152 */ "coffee", "rotate_display", "cyclewindows", "mail", "bookmarks", "computer", "back", "forward",
    /* 160 */ "closecd", "ejectcd", "ejectclosecd", "nextsong", "playpause", "previoussong", "stopcd", "record",
    /* 168 */ "rewind", "phone", "iso", "config", "homepage", "refresh", "exit", "move",
    /* 176 */ "edit", "scrollup", "scrolldown", "kpleftparen", "kprightparen", "new", "redo", "f13",
    /* 184 */ "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21",
    /* 192 */ "f22", "f23", "f24", "", "", "", "", "",
    /* 200 */ "playcd", "pausecd", "prog3", "prog4", "all_applications", "suspend", "close", "play",
    /* 208 */ "fastforward", "bassboost", "printout", "hp", "camera", "sound", "question", "email",
    /* 216 */ "chat", "search", "connect", "finance", "sport", "shop", "alterase", "cancel",
    /* 224 */ "brightnessdown", "brightnessup", "media", "switchvideomode", "kbdillumtoggle", "kbdillumdown", "kbdillumup", "send",
    /* 232 */ "reply", "forwardmail", "save", "documents", "battery", "bluetooth", "wlan", "uwb",
    /* 240 */ "", "video_next", "video_prev", "brightness_cycle", "brightness_auto", "display_off", "wwan", "rfkill",
    // clang-format on
}};

struct Alias {
    std::string_view name;
    uint16_t code;
};

constexpr Alias kAliases[] = {
    {"ctrl", KEY_LEFTCTRL},
    {"control", KEY_LEFTCTRL},
    {"lctrl", KEY_LEFTCTRL},
    {"controll", KEY_LEFTCTRL},
    {"rctrl", KEY_RIGHTCTRL},
    {"controlr", KEY_RIGHTCTRL},
    {"alt", KEY_LEFTALT},
    {"lalt", KEY_LEFTALT},
    {"altl", KEY_LEFTALT},
    {"ralt", KEY_RIGHTALT},
    {"altr", KEY_RIGHTALT},
    {"altgr", KEY_RIGHTALT},
    {"shift", KEY_LEFTSHIFT},
    {"lshift", KEY_LEFTSHIFT},
    {"shiftl", KEY_LEFTSHIFT},
    {"rshift", KEY_RIGHTSHIFT},
    {"shiftr", KEY_RIGHTSHIFT},
    {"super", KEY_LEFTMETA},
    {"superl", KEY_LEFTMETA},
    {"superr", KEY_RIGHTMETA},
    {"meta", KEY_LEFTMETA},
    {"win", KEY_LEFTMETA},
    {"windows", KEY_LEFTMETA},
    {"apps", KEY_COMPOSE},
    {"contextmenu", KEY_COMPOSE},
    {"escape", KEY_ESC},
    {"return", KEY_ENTER},
    {"ret", KEY_ENTER},
    {"spc", KEY_SPACE},
    {"bksp", KEY_BACKSPACE},
    {"del", KEY_DELETE},
    {"ins", KEY_INSERT},
    {"pgup", KEY_PAGEUP},
    {"pgdn", KEY_PAGEDOWN},
    {"pgdown", KEY_PAGEDOWN},
    {"print", KEY_SYSRQ},
    {"printscreen", KEY_SYSRQ},
    {"prtsc", KEY_SYSRQ},
    {"break", KEY_PAUSE},
    {"caps", KEY_CAPSLOCK},
    {"period", KEY_DOT},
    {"quote", KEY_APOSTROPHE},
    {"backquote", KEY_GRAVE},
    {"equals", KEY_EQUAL},
    {"leftbracket", KEY_LEFTBRACE},
    {"bracketleft", KEY_LEFTBRACE},
    {"rightbracket", KEY_RIGHTBRACE},
    {"bracketright", KEY_RIGHTBRACE},
    {"less", KEY_102ND},
    {"kpadd", KEY_KPPLUS},
    {"kpsubtract", KEY_KPMINUS},
    {"kpmultiply", KEY_KPASTERISK},
    {"kpdivide", KEY_KPSLASH},
    {"kpdecimal", KEY_KPDOT},
};

char lowerCase(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Equal but for case and underscores ("Page_Up" is "pageup").
bool sameName(std::string_view a, std::string_view b) {
    auto left = a.begin(), right = b.begin();
    for (;;) {
        left = std::find_if(left, a.end(), [](char c) { return c != '_'; });
        right = std::find_if(right, b.end(), [](char c) { return c != '_'; });
        if (left == a.end() || right == b.end())
            return left == a.end() && right == b.end();
        if (lowerCase(*left++) != lowerCase(*right++))
            return false;
    }
}

// The characters of the main block in the order of their keys, without and with Shift.
struct CharacterRow {
    uint16_t firstCode;
    std::string_view plain;
    std::string_view shifted;
};
constexpr CharacterRow kUsRows[] = {
    {KEY_1, "1234567890-=", "!@#$%^&*()_+"},
    {KEY_Q, "qwertyuiop[]", "QWERTYUIOP{}"},
    {KEY_A, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {KEY_BACKSLASH, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {KEY_SPACE, " ", " "},
};

} // namespace

std::optional<KeyCode> keyCodeFromName(std::string_view name) {
    if (name.empty())
        return std::nullopt;
    for (size_t code = 1; code < kNames.size(); ++code)
        if (!kNames[code].empty() && sameName(name, kNames[code]))
            return static_cast<KeyCode>(code);
    for (const Alias& alias : kAliases)
        if (sameName(name, alias.name))
            return static_cast<KeyCode>(alias.code);
    return std::nullopt;
}

std::string_view keyCodeName(KeyCode code) {
    auto index = static_cast<size_t>(code);
    if (index >= kNames.size() || kNames[index].empty())
        return "unknown";
    return kNames[index];
}

std::optional<std::vector<KeyCode>> parseKeyChord(std::string_view text) {
    std::vector<KeyCode> keys;
    for (;;) {
        size_t separator = text.find_first_of("+-");
        auto key = keyCodeFromName(text.substr(0, separator));
        if (!key || keys.size() == kMaxChordKeys)
            return std::nullopt;
        keys.push_back(*key);
        if (separator == std::string_view::npos)
            return keys;
        text.remove_prefix(separator + 1);
    }
}

std::optional<KeyStroke> keyStrokeForCharacter(char32_t character) {
    switch (character) {
    case U'\n':
    case U'\r':
        return KeyStroke{static_cast<KeyCode>(KEY_ENTER), false};
    case U'\t':
        return KeyStroke{static_cast<KeyCode>(KEY_TAB), false};
    case U'\b':
        return KeyStroke{static_cast<KeyCode>(KEY_BACKSPACE), false};
    case U'\x1b':
        return KeyStroke{static_cast<KeyCode>(KEY_ESC), false};
    case U'\x7f':
        return KeyStroke{static_cast<KeyCode>(KEY_DELETE), false};
    default:
        break;
    }
    if (character < U' ' || character > U'~')
        return std::nullopt;
    auto ascii = static_cast<char>(character);
    for (const CharacterRow& row : kUsRows) {
        for (bool shift : {false, true}) {
            size_t index = (shift ? row.shifted : row.plain).find(ascii);
            if (index != std::string_view::npos)
                return KeyStroke{static_cast<KeyCode>(row.firstCode + index), shift};
        }
    }
    return std::nullopt;
}

} // namespace vivarium
