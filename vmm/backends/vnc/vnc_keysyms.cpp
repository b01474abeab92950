#include "vmm/backends/vnc/vnc_keysyms.h"

#include <algorithm>
#include <array>

#include <linux/input-event-codes.h>
#include <rfb/keysym.h>

namespace vivarium {

namespace {

struct KeysymKey {
    uint32_t keysym;
    uint16_t key;
};

constexpr std::array kKeys{
    KeysymKey{XK_BackSpace, KEY_BACKSPACE},
    KeysymKey{XK_Tab, KEY_TAB},
    KeysymKey{XK_ISO_Left_Tab, KEY_TAB},
    KeysymKey{XK_Return, KEY_ENTER},
    KeysymKey{XK_Pause, KEY_PAUSE},
    KeysymKey{XK_Break, KEY_PAUSE},
    KeysymKey{XK_Scroll_Lock, KEY_SCROLLLOCK},
    KeysymKey{XK_Sys_Req, KEY_SYSRQ},
    KeysymKey{XK_Escape, KEY_ESC},
    KeysymKey{XK_Delete, KEY_DELETE},
    KeysymKey{XK_Home, KEY_HOME},
    KeysymKey{XK_Left, KEY_LEFT},
    KeysymKey{XK_Up, KEY_UP},
    KeysymKey{XK_Right, KEY_RIGHT},
    KeysymKey{XK_Down, KEY_DOWN},
    KeysymKey{XK_Page_Up, KEY_PAGEUP},
    KeysymKey{XK_Page_Down, KEY_PAGEDOWN},
    KeysymKey{XK_End, KEY_END},
    KeysymKey{XK_Print, KEY_SYSRQ},
    KeysymKey{XK_Insert, KEY_INSERT},
    KeysymKey{XK_Menu, KEY_COMPOSE},
    KeysymKey{XK_Num_Lock, KEY_NUMLOCK},
    KeysymKey{XK_KP_Enter, KEY_KPENTER},
    KeysymKey{XK_KP_Home, KEY_KP7},
    KeysymKey{XK_KP_Left, KEY_KP4},
    KeysymKey{XK_KP_Up, KEY_KP8},
    KeysymKey{XK_KP_Right, KEY_KP6},
    KeysymKey{XK_KP_Down, KEY_KP2},
    KeysymKey{XK_KP_Page_Up, KEY_KP9},
    KeysymKey{XK_KP_Page_Down, KEY_KP3},
    KeysymKey{XK_KP_End, KEY_KP1},
    KeysymKey{XK_KP_Begin, KEY_KP5},
    KeysymKey{XK_KP_Insert, KEY_KP0},
    KeysymKey{XK_KP_Delete, KEY_KPDOT},
    KeysymKey{XK_KP_Multiply, KEY_KPASTERISK},
    KeysymKey{XK_KP_Add, KEY_KPPLUS},
    KeysymKey{XK_KP_Subtract, KEY_KPMINUS},
    KeysymKey{XK_KP_Decimal, KEY_KPDOT},
    KeysymKey{XK_KP_Divide, KEY_KPSLASH},
    KeysymKey{XK_KP_Equal, KEY_KPEQUAL},
    KeysymKey{XK_KP_0, KEY_KP0},
    KeysymKey{XK_KP_1, KEY_KP1},
    KeysymKey{XK_KP_2, KEY_KP2},
    KeysymKey{XK_KP_3, KEY_KP3},
    KeysymKey{XK_KP_4, KEY_KP4},
    KeysymKey{XK_KP_5, KEY_KP5},
    KeysymKey{XK_KP_6, KEY_KP6},
    KeysymKey{XK_KP_7, KEY_KP7},
    KeysymKey{XK_KP_8, KEY_KP8},
    KeysymKey{XK_KP_9, KEY_KP9},
    KeysymKey{XK_F1, KEY_F1},
    KeysymKey{XK_F2, KEY_F2},
    KeysymKey{XK_F3, KEY_F3},
    KeysymKey{XK_F4, KEY_F4},
    KeysymKey{XK_F5, KEY_F5},
    KeysymKey{XK_F6, KEY_F6},
    KeysymKey{XK_F7, KEY_F7},
    KeysymKey{XK_F8, KEY_F8},
    KeysymKey{XK_F9, KEY_F9},
    KeysymKey{XK_F10, KEY_F10},
    KeysymKey{XK_F11, KEY_F11},
    KeysymKey{XK_F12, KEY_F12},
    KeysymKey{XK_Shift_L, KEY_LEFTSHIFT},
    KeysymKey{XK_Shift_R, KEY_RIGHTSHIFT},
    KeysymKey{XK_Control_L, KEY_LEFTCTRL},
    KeysymKey{XK_Control_R, KEY_RIGHTCTRL},
    KeysymKey{XK_Caps_Lock, KEY_CAPSLOCK},
    KeysymKey{XK_Meta_L, KEY_LEFTALT},
    KeysymKey{XK_Meta_R, KEY_RIGHTALT},
    KeysymKey{XK_Alt_L, KEY_LEFTALT},
    KeysymKey{XK_Alt_R, KEY_RIGHTALT},
    KeysymKey{XK_ISO_Level3_Shift, KEY_RIGHTALT},
    KeysymKey{XK_Mode_switch, KEY_RIGHTALT},
    KeysymKey{XK_Super_L, KEY_LEFTMETA},
    KeysymKey{XK_Super_R, KEY_RIGHTMETA},
};

// Keysyms from here on are 0x01000000 plus a Unicode code point.
constexpr uint32_t kUnicodeKeysyms = 0x01000000;

} // namespace

std::optional<KeyCode> keyCodeForKeysym(uint32_t keysym) {
    const auto key = std::find_if(kKeys.begin(), kKeys.end(), [keysym](const KeysymKey& entry) {
        return entry.keysym == keysym;
    });
    if (key != kKeys.end())
        return static_cast<KeyCode>(key->key);
    char32_t character = 0;
    if (keysym >= 0x20 && keysym <= 0xFF) // Latin-1 keysyms are their own characters
        character = keysym;
    else if (keysym > kUnicodeKeysyms && keysym <= kUnicodeKeysyms + 0x10FFFF)
        character = keysym - kUnicodeKeysyms;
    if (const auto stroke = keyStrokeForCharacter(character))
        return stroke->key;
    return std::nullopt;
}

} // namespace vivarium
