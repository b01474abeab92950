#include "ui/console/key_translation.h"

#include <QCoreApplication>
#include <QGuiApplication>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

class KeyTitles {
    Q_DECLARE_TR_FUNCTIONS(KeyTitles)
};

constexpr quint32 kXkbOffset = 8; // X11 key codes are Linux codes plus 8 (XKB "evdev" rules)
constexpr quint32 kMaxKeyCode = 247;
constexpr quint32 kUnicodeKeysym = 0x01000000;

// Keys that are not characters: Qt key, Linux code, X keysym (X11/keysymdef.h).
struct SpecialKey {
    Qt::Key qtKey;
    uint16_t code;
    quint32 keysym;
};
constexpr SpecialKey kSpecialKeys[] = {
    {Qt::Key_Escape, KEY_ESC, 0xff1b},
    {Qt::Key_Tab, KEY_TAB, 0xff09},
    {Qt::Key_Backtab, KEY_TAB, 0xff09},
    {Qt::Key_Backspace, KEY_BACKSPACE, 0xff08},
    {Qt::Key_Return, KEY_ENTER, 0xff0d},
    {Qt::Key_Enter, KEY_KPENTER, 0xff8d},
    {Qt::Key_Insert, KEY_INSERT, 0xff63},
    {Qt::Key_Delete, KEY_DELETE, 0xffff},
    {Qt::Key_Pause, KEY_PAUSE, 0xff13},
    {Qt::Key_Print, KEY_SYSRQ, 0xff61},
    {Qt::Key_SysReq, KEY_SYSRQ, 0xff15},
    {Qt::Key_Home, KEY_HOME, 0xff50},
    {Qt::Key_End, KEY_END, 0xff57},
    {Qt::Key_Left, KEY_LEFT, 0xff51},
    {Qt::Key_Up, KEY_UP, 0xff52},
    {Qt::Key_Right, KEY_RIGHT, 0xff53},
    {Qt::Key_Down, KEY_DOWN, 0xff54},
    {Qt::Key_PageUp, KEY_PAGEUP, 0xff55},
    {Qt::Key_PageDown, KEY_PAGEDOWN, 0xff56},
    {Qt::Key_Shift, KEY_LEFTSHIFT, 0xffe1},
    {Qt::Key_Control, KEY_LEFTCTRL, 0xffe3},
    {Qt::Key_Meta, KEY_LEFTMETA, 0xffeb},
    {Qt::Key_Alt, KEY_LEFTALT, 0xffe9},
    {Qt::Key_AltGr, KEY_RIGHTALT, 0xfe03},
    {Qt::Key_CapsLock, KEY_CAPSLOCK, 0xffe5},
    {Qt::Key_NumLock, KEY_NUMLOCK, 0xff7f},
    {Qt::Key_ScrollLock, KEY_SCROLLLOCK, 0xff14},
    {Qt::Key_F1, KEY_F1, 0xffbe},
    {Qt::Key_F2, KEY_F2, 0xffbf},
    {Qt::Key_F3, KEY_F3, 0xffc0},
    {Qt::Key_F4, KEY_F4, 0xffc1},
    {Qt::Key_F5, KEY_F5, 0xffc2},
    {Qt::Key_F6, KEY_F6, 0xffc3},
    {Qt::Key_F7, KEY_F7, 0xffc4},
    {Qt::Key_F8, KEY_F8, 0xffc5},
    {Qt::Key_F9, KEY_F9, 0xffc6},
    {Qt::Key_F10, KEY_F10, 0xffc7},
    {Qt::Key_F11, KEY_F11, 0xffc8},
    {Qt::Key_F12, KEY_F12, 0xffc9},
    {Qt::Key_Super_L, KEY_LEFTMETA, 0xffeb},
    {Qt::Key_Super_R, KEY_RIGHTMETA, 0xffec},
    {Qt::Key_Menu, KEY_COMPOSE, 0xff67},
};
// The right-hand twins and the number pad, for which Qt has no keys of their own.
struct KeysymOnly {
    uint16_t code;
    quint32 keysym;
};
constexpr KeysymOnly kMoreKeysyms[] = {
    {KEY_RIGHTSHIFT, 0xffe2}, {KEY_RIGHTCTRL, 0xffe4}, {KEY_KP0, 0xffb0},
    {KEY_KP1, 0xffb1},        {KEY_KP2, 0xffb2},       {KEY_KP3, 0xffb3},
    {KEY_KP4, 0xffb4},        {KEY_KP5, 0xffb5},       {KEY_KP6, 0xffb6},
    {KEY_KP7, 0xffb7},        {KEY_KP8, 0xffb8},       {KEY_KP9, 0xffb9},
    {KEY_KPDOT, 0xffae},      {KEY_KPPLUS, 0xffab},    {KEY_KPMINUS, 0xffad},
    {KEY_KPASTERISK, 0xffaa}, {KEY_KPSLASH, 0xffaf},   {KEY_102ND, 0x3c},
};

std::optional<KeyCode> fromMeaning(const QKeyEvent& event) {
    for (const SpecialKey& key : kSpecialKeys)
        if (key.qtKey == event.key())
            return static_cast<KeyCode>(key.code);
    char32_t character = static_cast<char32_t>(event.key());
    if (character >= U'A' && character <= U'Z')
        character += U'a' - U'A';
    if (const auto stroke = keyStrokeForCharacter(character))
        return stroke->key;
    return std::nullopt;
}

} // namespace

std::optional<KeyCode> keyCodeOf(const QKeyEvent& event) {
    const quint32 scanCode = event.nativeScanCode();
    if (scanCode > kXkbOffset && scanCode - kXkbOffset <= kMaxKeyCode)
        return static_cast<KeyCode>(scanCode - kXkbOffset);
    return fromMeaning(event);
}

quint32 keysymOf(const QKeyEvent& event) {
    if (event.nativeVirtualKey() != 0)
        return event.nativeVirtualKey();
    for (const SpecialKey& key : kSpecialKeys)
        if (key.qtKey == event.key())
            return key.keysym;
    const QList<uint> characters = event.text().toUcs4();
    if (characters.isEmpty() || characters.first() < 0x20)
        return 0;
    return characters.first() < 0x100 ? characters.first() : kUnicodeKeysym | characters.first();
}

quint32 keysymOf(KeyCode key) {
    for (const SpecialKey& special : kSpecialKeys)
        if (special.code == static_cast<uint16_t>(key))
            return special.keysym;
    for (const KeysymOnly& more : kMoreKeysyms)
        if (more.code == static_cast<uint16_t>(key))
            return more.keysym;
    for (char32_t character = U' '; character <= U'~'; ++character) {
        const auto stroke = keyStrokeForCharacter(character);
        if (stroke && stroke->key == key && !stroke->shift)
            return static_cast<quint32>(character);
    }
    return 0;
}

QString keyTitle(KeyCode key) {
    switch (static_cast<int>(key)) {
    case KEY_RIGHTCTRL:
        return KeyTitles::tr("Right Ctrl");
    case KEY_LEFTCTRL:
        return KeyTitles::tr("Left Ctrl");
    case KEY_RIGHTALT:
        return KeyTitles::tr("Right Alt");
    case KEY_LEFTALT:
        return KeyTitles::tr("Left Alt");
    case KEY_RIGHTSHIFT:
        return KeyTitles::tr("Right Shift");
    case KEY_LEFTSHIFT:
        return KeyTitles::tr("Left Shift");
    case KEY_LEFTMETA:
        return KeyTitles::tr("Left Win");
    case KEY_RIGHTMETA:
        return KeyTitles::tr("Right Win");
    case KEY_COMPOSE:
        return KeyTitles::tr("Menu");
    case KEY_SCROLLLOCK:
        return KeyTitles::tr("Scroll Lock");
    case KEY_PAUSE:
        return KeyTitles::tr("Pause");
    default: {
        const std::string_view name = keyCodeName(key);
        return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size())).toUpper();
    }
    }
}

} // namespace vivarium
