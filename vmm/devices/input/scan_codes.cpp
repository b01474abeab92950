#include "vmm/devices/input/scan_codes.h"

#include <array>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

constexpr size_t kKeyCount = 248;
constexpr uint16_t kExtended = 0xE000; // an 0xE0 byte goes before the code
constexpr uint8_t kExtendedPrefix = 0xE0;
constexpr uint8_t kBreakPrefix = 0xF0;
constexpr uint8_t kSetOneBreak = 0x80;

// Set 1 makes: the IBM PC/AT and Enhanced Keyboard codes, multimedia and F13-F24 as in Microsoft's
// "Keyboard Scan Code Specification", revision 1.3a. 0: the key has none.
constexpr std::array<uint16_t, kKeyCount> makeSetOneTable() {
    std::array<uint16_t, kKeyCount> table{};
    // The kernel numbered the keys of the first PC by their codes.
    for (uint16_t key = KEY_ESC; key <= KEY_KPDOT; ++key)
        table[key] = key;
    constexpr uint16_t kOthers[][2] = {
        {KEY_ZENKAKUHANKAKU, 0x29},
        {KEY_102ND, 0x56},
        {KEY_F11, 0x57},
        {KEY_F12, 0x58},
        {KEY_RO, 0x73},
        {KEY_KATAKANA, 0x78},
        {KEY_HIRAGANA, 0x77},
        {KEY_HENKAN, 0x79},
        {KEY_KATAKANAHIRAGANA, 0x70},
        {KEY_MUHENKAN, 0x7B},
        {KEY_KPENTER, kExtended | 0x1C},
        {KEY_RIGHTCTRL, kExtended | 0x1D},
        {KEY_KPSLASH, kExtended | 0x35},
        {KEY_SYSRQ, kExtended | 0x37},
        {KEY_RIGHTALT, kExtended | 0x38},
        {KEY_HOME, kExtended | 0x47},
        {KEY_UP, kExtended | 0x48},
        {KEY_PAGEUP, kExtended | 0x49},
        {KEY_LEFT, kExtended | 0x4B},
        {KEY_RIGHT, kExtended | 0x4D},
        {KEY_END, kExtended | 0x4F},
        {KEY_DOWN, kExtended | 0x50},
        {KEY_PAGEDOWN, kExtended | 0x51},
        {KEY_INSERT, kExtended | 0x52},
        {KEY_DELETE, kExtended | 0x53},
        {KEY_MUTE, kExtended | 0x20},
        {KEY_VOLUMEDOWN, kExtended | 0x2E},
        {KEY_VOLUMEUP, kExtended | 0x30},
        {KEY_POWER, kExtended | 0x5E},
        {KEY_KPEQUAL, 0x59},
        {KEY_KPCOMMA, 0x7E},
        {KEY_HANGEUL, 0xF2},
        {KEY_HANJA, 0xF1},
        {KEY_YEN, 0x7D},
        {KEY_LEFTMETA, kExtended | 0x5B},
        {KEY_RIGHTMETA, kExtended | 0x5C},
        {KEY_COMPOSE, kExtended | 0x5D},
        {KEY_MENU, kExtended | 0x5D},
        {KEY_STOP, kExtended | 0x68},
        {KEY_CALC, kExtended | 0x21},
        {KEY_SLEEP, kExtended | 0x5F},
        {KEY_WAKEUP, kExtended | 0x63},
        {KEY_MAIL, kExtended | 0x6C},
        {KEY_EMAIL, kExtended | 0x6C},
        {KEY_BOOKMARKS, kExtended | 0x66},
        {KEY_COMPUTER, kExtended | 0x6B},
        {KEY_BACK, kExtended | 0x6A},
        {KEY_FORWARD, kExtended | 0x69},
        {KEY_NEXTSONG, kExtended | 0x19},
        {KEY_PLAYPAUSE, kExtended | 0x22},
        {KEY_PREVIOUSSONG, kExtended | 0x10},
        {KEY_STOPCD, kExtended | 0x24},
        {KEY_HOMEPAGE, kExtended | 0x32},
        {KEY_WWW, kExtended | 0x32},
        {KEY_REFRESH, kExtended | 0x67},
        {KEY_SEARCH, kExtended | 0x65},
        {KEY_MEDIA, kExtended | 0x6D},
        {KEY_F13, 0x64},
        {KEY_F14, 0x65},
        {KEY_F15, 0x66},
        {KEY_F16, 0x67},
        {KEY_F17, 0x68},
        {KEY_F18, 0x69},
        {KEY_F19, 0x6A},
        {KEY_F20, 0x6B},
        {KEY_F21, 0x6C},
        {KEY_F22, 0x6D},
        {KEY_F23, 0x6E},
        {KEY_F24, 0x76},
    };
    for (auto [key, code] : kOthers)
        table[key] = code;
    return table;
}
constexpr auto kSetOne = makeSetOneTable();

// The controller's translation of set 2 to set 1. From 0x85 on bytes pass unchanged.
constexpr std::array<uint8_t, 0x85> kTranslation{
    // clang-format off
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59,
    0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B,
    0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F,
    0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0C, 0x61,
    0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F,
    0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
    // clang-format on
};

// Set 2 by set 1: the translation backwards. Of the two codes that give 0x41 and 0x54, keyboards
// send 0x83 (F7) and 0x84 (SysRq).
constexpr std::array<uint8_t, 0x80> makeSetTwoTable() {
    std::array<uint8_t, 0x80> table{};
    for (size_t code = 0; code < kTranslation.size(); ++code)
        if (kTranslation[code] < 0x80)
            table[kTranslation[code]] = static_cast<uint8_t>(code);
    return table;
}
constexpr auto kSetTwo = makeSetTwoTable();

// Set 3 makes of the 104-key board: one byte a key, no prefix but the break's.
constexpr std::array<uint8_t, 128> makeSetThreeTable() {
    std::array<uint8_t, 128> table{};
    constexpr uint8_t kCodes[][2] = {
        {KEY_ESC, 0x08},        {KEY_1, 0x16},         {KEY_2, 0x1E},
        {KEY_3, 0x26},          {KEY_4, 0x25},         {KEY_5, 0x2E},
        {KEY_6, 0x36},          {KEY_7, 0x3D},         {KEY_8, 0x3E},
        {KEY_9, 0x46},          {KEY_0, 0x45},         {KEY_MINUS, 0x4E},
        {KEY_EQUAL, 0x55},      {KEY_BACKSPACE, 0x66}, {KEY_TAB, 0x0D},
        {KEY_Q, 0x15},          {KEY_W, 0x1D},         {KEY_E, 0x24},
        {KEY_R, 0x2D},          {KEY_T, 0x2C},         {KEY_Y, 0x35},
        {KEY_U, 0x3C},          {KEY_I, 0x43},         {KEY_O, 0x44},
        {KEY_P, 0x4D},          {KEY_LEFTBRACE, 0x54}, {KEY_RIGHTBRACE, 0x5B},
        {KEY_ENTER, 0x5A},      {KEY_LEFTCTRL, 0x11},  {KEY_A, 0x1C},
        {KEY_S, 0x1B},          {KEY_D, 0x23},         {KEY_F, 0x2B},
        {KEY_G, 0x34},          {KEY_H, 0x33},         {KEY_J, 0x3B},
        {KEY_K, 0x42},          {KEY_L, 0x4B},         {KEY_SEMICOLON, 0x4C},
        {KEY_APOSTROPHE, 0x52}, {KEY_GRAVE, 0x0E},     {KEY_LEFTSHIFT, 0x12},
        {KEY_BACKSLASH, 0x5C},  {KEY_Z, 0x1A},         {KEY_X, 0x22},
        {KEY_C, 0x21},          {KEY_V, 0x2A},         {KEY_B, 0x32},
        {KEY_N, 0x31},          {KEY_M, 0x3A},         {KEY_COMMA, 0x41},
        {KEY_DOT, 0x49},        {KEY_SLASH, 0x4A},     {KEY_RIGHTSHIFT, 0x59},
        {KEY_KPASTERISK, 0x7E}, {KEY_LEFTALT, 0x19},   {KEY_SPACE, 0x29},
        {KEY_CAPSLOCK, 0x14},   {KEY_F1, 0x07},        {KEY_F2, 0x0F},
        {KEY_F3, 0x17},         {KEY_F4, 0x1F},        {KEY_F5, 0x27},
        {KEY_F6, 0x2F},         {KEY_F7, 0x37},        {KEY_F8, 0x3F},
        {KEY_F9, 0x47},         {KEY_F10, 0x4F},       {KEY_NUMLOCK, 0x76},
        {KEY_SCROLLLOCK, 0x5F}, {KEY_KP7, 0x6C},       {KEY_KP8, 0x75},
        {KEY_KP9, 0x7D},        {KEY_KPMINUS, 0x84},   {KEY_KP4, 0x6B},
        {KEY_KP5, 0x73},        {KEY_KP6, 0x74},       {KEY_KPPLUS, 0x7C},
        {KEY_KP1, 0x69},        {KEY_KP2, 0x72},       {KEY_KP3, 0x7A},
        {KEY_KP0, 0x70},        {KEY_KPDOT, 0x71},     {KEY_102ND, 0x13},
        {KEY_F11, 0x56},        {KEY_F12, 0x5E},       {KEY_KPENTER, 0x79},
        {KEY_RIGHTCTRL, 0x58},  {KEY_KPSLASH, 0x77},   {KEY_SYSRQ, 0x57},
        {KEY_RIGHTALT, 0x39},   {KEY_HOME, 0x6E},      {KEY_UP, 0x63},
        {KEY_PAGEUP, 0x6F},     {KEY_LEFT, 0x61},      {KEY_RIGHT, 0x6A},
        {KEY_END, 0x65},        {KEY_DOWN, 0x60},      {KEY_PAGEDOWN, 0x6D},
        {KEY_INSERT, 0x67},     {KEY_DELETE, 0x64},    {KEY_PAUSE, 0x62},
        {KEY_LEFTMETA, 0x8B},   {KEY_RIGHTMETA, 0x8C}, {KEY_COMPOSE, 0x8D},
    };
    for (auto [key, code] : kCodes)
        table[key] = code;
    return table;
}
constexpr auto kSetThree = makeSetThreeTable();

// Keys of Korean keyboards that send one byte when pressed and nothing when released.
bool isMakeOnly(uint16_t setOneCode) {
    return setOneCode == 0xF1 || setOneCode == 0xF2;
}

// Appends one make or break of set 1 or 2, given by its set 1 code.
void append(std::vector<uint8_t>& bytes, uint16_t setOneCode, bool down, int scanCodeSet) {
    auto code = static_cast<uint8_t>(setOneCode);
    if (isMakeOnly(setOneCode)) {
        if (down)
            bytes.push_back(code);
        return;
    }
    if (setOneCode & kExtended)
        bytes.push_back(kExtendedPrefix);
    if (scanCodeSet == 1) {
        bytes.push_back(down ? code : code | kSetOneBreak);
        return;
    }
    if (!down)
        bytes.push_back(kBreakPrefix);
    bytes.push_back(kSetTwo[code]);
}

// Pause reports its release together with its press. With Ctrl it is Break.
std::vector<uint8_t> pauseBytes(int scanCodeSet, bool ctrl) {
    std::vector<uint8_t> bytes;
    if (ctrl) {
        append(bytes, kExtended | 0x46, true, scanCodeSet);
        append(bytes, kExtended | 0x46, false, scanCodeSet);
        return bytes;
    }
    for (bool down : {true, false}) {
        bytes.push_back(0xE1);
        append(bytes, 0x1D, down, scanCodeSet);
        append(bytes, 0x45, down, scanCodeSet);
    }
    return bytes;
}

// Print Screen comes with a left Shift of its own, unless Shift or Ctrl is held; with Alt it is
// SysRq, a key of its own.
std::vector<uint8_t> printScreenBytes(bool down, int scanCodeSet, ScanCodeModifiers modifiers) {
    std::vector<uint8_t> bytes;
    if (modifiers.alt) {
        append(bytes, 0x54, down, scanCodeSet);
        return bytes;
    }
    bool withShift = !modifiers.shift && !modifiers.ctrl;
    if (withShift && down)
        append(bytes, kExtended | 0x2A, true, scanCodeSet);
    append(bytes, kExtended | 0x37, down, scanCodeSet);
    if (withShift && !down)
        append(bytes, kExtended | 0x2A, false, scanCodeSet);
    return bytes;
}

} // namespace

std::vector<uint8_t> scanCodeBytes(KeyCode code, bool down, int scanCodeSet,
                                   ScanCodeModifiers modifiers) {
    auto key = static_cast<size_t>(code);
    if (scanCodeSet == 3) {
        if (key >= kSetThree.size() || kSetThree[key] == 0)
            return {};
        return down ? std::vector<uint8_t>{kSetThree[key]}
                    : std::vector<uint8_t>{kBreakPrefix, kSetThree[key]};
    }
    if (key == KEY_PAUSE)
        return down ? pauseBytes(scanCodeSet, modifiers.ctrl) : std::vector<uint8_t>();
    if (key == KEY_SYSRQ)
        return printScreenBytes(down, scanCodeSet, modifiers);
    std::vector<uint8_t> bytes;
    if (key < kSetOne.size() && kSetOne[key] != 0)
        append(bytes, kSetOne[key], down, scanCodeSet);
    return bytes;
}

bool keyRepeats(KeyCode code) {
    switch (static_cast<unsigned>(code)) {
    case KEY_PAUSE:
    case KEY_HANGEUL:
    case KEY_HANJA:
        return false;
    default:
        return true;
    }
}

uint8_t translateScanCode(uint8_t setTwoByte) {
    return setTwoByte < kTranslation.size() ? kTranslation[setTwoByte] : setTwoByte;
}

} // namespace vivarium
