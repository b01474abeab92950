#include "vmm/backends/vnc/vnc_key_translator.h"

#include <algorithm>
#include <iterator>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

struct Entry {
    uint32_t keysym;
    uint16_t code;
};

// Keysym values are those of X11's keysymdef.h; ascending.
constexpr Entry kKeys[] = {
    {0xFE20, KEY_TAB}, // ISO_Left_Tab: Shift+Tab
    {0xFF08, KEY_BACKSPACE},
    {0xFF09, KEY_TAB},
    {0xFF0A, KEY_LINEFEED},
    {0xFF0D, KEY_ENTER},
    {0xFF13, KEY_PAUSE},
    {0xFF14, KEY_SCROLLLOCK},
    {0xFF15, KEY_SYSRQ},
    {0xFF1B, KEY_ESC},
    {0xFF50, KEY_HOME},
    {0xFF51, KEY_LEFT},
    {0xFF52, KEY_UP},
    {0xFF53, KEY_RIGHT},
    {0xFF54, KEY_DOWN},
    {0xFF55, KEY_PAGEUP},
    {0xFF56, KEY_PAGEDOWN},
    {0xFF57, KEY_END},
    {0xFF61, KEY_SYSRQ}, // Print
    {0xFF63, KEY_INSERT},
    {0xFF67, KEY_COMPOSE}, // Menu
    {0xFF6B, KEY_PAUSE},   // Break
    {0xFF7F, KEY_NUMLOCK},
    {0xFF8D, KEY_KPENTER},
    {0xFF95, KEY_KP7},
    {0xFF96, KEY_KP4},
    {0xFF97, KEY_KP8},
    {0xFF98, KEY_KP6},
    {0xFF99, KEY_KP2},
    {0xFF9A, KEY_KP9},
    {0xFF9B, KEY_KP3},
    {0xFF9C, KEY_KP1},
    {0xFF9D, KEY_KP5},
    {0xFF9E, KEY_KP0},
    {0xFF9F, KEY_KPDOT},
    {0xFFAA, KEY_KPASTERISK},
    {0xFFAB, KEY_KPPLUS},
    {0xFFAC, KEY_KPCOMMA},
    {0xFFAD, KEY_KPMINUS},
    {0xFFAE, KEY_KPDOT},
    {0xFFAF, KEY_KPSLASH},
    {0xFFB0, KEY_KP0},
    {0xFFB1, KEY_KP1},
    {0xFFB2, KEY_KP2},
    {0xFFB3, KEY_KP3},
    {0xFFB4, KEY_KP4},
    {0xFFB5, KEY_KP5},
    {0xFFB6, KEY_KP6},
    {0xFFB7, KEY_KP7},
    {0xFFB8, KEY_KP8},
    {0xFFB9, KEY_KP9},
    {0xFFBD, KEY_KPEQUAL},
    {0xFFBE, KEY_F1},
    {0xFFBF, KEY_F2},
    {0xFFC0, KEY_F3},
    {0xFFC1, KEY_F4},
    {0xFFC2, KEY_F5},
    {0xFFC3, KEY_F6},
    {0xFFC4, KEY_F7},
    {0xFFC5, KEY_F8},
    {0xFFC6, KEY_F9},
    {0xFFC7, KEY_F10},
    {0xFFC8, KEY_F11},
    {0xFFC9, KEY_F12},
    {0xFFE1, KEY_LEFTSHIFT},
    {0xFFE2, KEY_RIGHTSHIFT},
    {0xFFE3, KEY_LEFTCTRL},
    {0xFFE4, KEY_RIGHTCTRL},
    {0xFFE5, KEY_CAPSLOCK},
    {0xFFE7, KEY_LEFTALT}, // Meta_L: what X11 calls Alt while Shift is down
    {0xFFE8, KEY_RIGHTALT},
    {0xFFE9, KEY_LEFTALT},
    {0xFFEA, KEY_RIGHTALT},
    {0xFFEB, KEY_LEFTMETA},
    {0xFFEC, KEY_RIGHTMETA},
    {0xFFED, KEY_LEFTMETA}, // Hyper
    {0xFFEE, KEY_RIGHTMETA},
    {0xFFFF, KEY_DELETE},
    {0x1008FF11, KEY_VOLUMEDOWN}, // XF86 multimedia keys
    {0x1008FF12, KEY_MUTE},
    {0x1008FF13, KEY_VOLUMEUP},
    {0x1008FF14, KEY_PLAYPAUSE},
    {0x1008FF15, KEY_STOPCD},
    {0x1008FF16, KEY_PREVIOUSSONG},
    {0x1008FF17, KEY_NEXTSONG},
};

constexpr KeyCode kLeftShift{KEY_LEFTSHIFT}, kRightShift{KEY_RIGHTSHIFT};

// A bit for each key that makes a chord a shortcut rather than a character.
unsigned shortcutBit(KeyCode code) {
    switch (static_cast<uint16_t>(code)) {
    case KEY_LEFTCTRL:
        return 1;
    case KEY_RIGHTCTRL:
        return 2;
    case KEY_LEFTALT:
        return 4;
    case KEY_RIGHTALT:
        return 8;
    case KEY_LEFTMETA:
        return 16;
    case KEY_RIGHTMETA:
        return 32;
    default:
        return 0;
    }
}

} // namespace

std::optional<VncKey> vncKeyFromKeysym(uint32_t keysym) {
    constexpr uint32_t kUnicode = 0x01000000; // keysyms of Unicode characters
    uint32_t character =
        keysym >= kUnicode && keysym < kUnicode + 0x80 ? keysym - kUnicode : keysym;
    if (character >= 0x20 && character < 0x7F) { // the keysyms of ASCII are ASCII
        auto stroke = keyStrokeForCharacter(character);
        if (!stroke)
            return std::nullopt;
        VncKey key{.code = stroke->key};
        if (character != ' ') // Shift and the space bar go together as they like
            key.shift = stroke->shift ? VncKey::Shift::Down : VncKey::Shift::Up;
        key.letter = (character | 0x20) >= 'a' && (character | 0x20) <= 'z';
        return key;
    }
    auto entry =
        std::lower_bound(std::begin(kKeys), std::end(kKeys), keysym,
                         [](const Entry& e, uint32_t wanted) { return e.keysym < wanted; });
    if (entry == std::end(kKeys) || entry->keysym != keysym)
        return std::nullopt;
    return VncKey{.code = KeyCode{entry->code}};
}

std::vector<VncKeyTranslator::Action> VncKeyTranslator::translate(uint32_t keysym, bool down,
                                                                  bool capsLock) {
    auto key = vncKeyFromKeysym(keysym);
    if (!key)
        return {};
    if (key->code == kLeftShift)
        m_leftShift = down;
    if (key->code == kRightShift)
        m_rightShift = down;
    if (unsigned bit = shortcutBit(key->code))
        m_shortcutKeys = down ? m_shortcutKeys | bit : m_shortcutKeys & ~bit;

    if (!down || key->shift == VncKey::Shift::Any || m_shortcutKeys != 0)
        return {{key->code, down}};
    bool wanted = (key->shift == VncKey::Shift::Down) != (key->letter && capsLock);
    bool held = m_leftShift || m_rightShift;
    if (wanted == held)
        return {{key->code, true}};
    if (wanted)
        return {{kLeftShift, true}, {key->code, true}, {kLeftShift, false}};
    std::vector<Action> actions;
    for (auto [shift, isDown] : {std::pair(kLeftShift, m_leftShift), {kRightShift, m_rightShift}})
        if (isDown)
            actions.push_back({shift, false});
    actions.push_back({key->code, true});
    for (auto [shift, isDown] : {std::pair(kLeftShift, m_leftShift), {kRightShift, m_rightShift}})
        if (isDown)
            actions.push_back({shift, true});
    return actions;
}

} // namespace vivarium
