#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace vivarium::test {

// Pieces of 32-bit x86 machine code, joined with +.
using Code = std::vector<uint8_t>;

inline Code operator+(Code a, const Code& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline Code outByte(uint16_t port, uint8_t value) {
    return {0xBA,
            static_cast<uint8_t>(port),
            static_cast<uint8_t>(port >> 8),
            0,
            0, // mov edx
            0xB0,
            value,
            0xEE}; // mov al; out
}

inline Code outWord(uint16_t port, uint16_t value) {
    return {0xBA,
            static_cast<uint8_t>(port),
            static_cast<uint8_t>(port >> 8),
            0,
            0,
            0x66,
            0xB8,
            static_cast<uint8_t>(value),
            static_cast<uint8_t>(value >> 8), // mov ax
            0x66,
            0xEF};
}

inline Code printSerial(std::string_view text) {
    Code code;
    for (char c : text)
        code = code + outByte(0x3F8, static_cast<uint8_t>(c));
    return code;
}

// cli; hlt; jmp back
inline Code halt() {
    return {0xFA, 0xF4, 0xEB, 0xFD};
}

// The triple fault of an empty interrupt table: lidt [esp] with zeros there, then ud2.
inline Code tripleFault() {
    return {0xBC, 0x00, 0x00, 0x20, 0x00,        // mov esp, 0x200000
            0x6A, 0x00, 0x6A, 0x00,              // push 0; push 0
            0x0F, 0x01, 0x1C, 0x24, 0x0F, 0x0B}; // lidt [esp]; ud2
}

// Runs `first` after power on and `second` after a reset: a word of memory remembers.
inline Code onFirstRun(const Code& first, const Code& second) {
    const auto length = static_cast<uint32_t>(first.size() + 7);
    Code code{0x83,
              0x3D,
              0x00,
              0x00,
              0x30,
              0x00,
              0x00, // cmp dword [0x300000], 0
              0x0F,
              0x85, // jne second
              static_cast<uint8_t>(length),
              static_cast<uint8_t>(length >> 8),
              0,
              0,
              0xC6,
              0x05,
              0x00,
              0x00,
              0x30,
              0x00,
              0x01}; // mov byte [0x300000], 1
    return code + first + second;
}

// Waits for a byte on the serial port and sends it back.
inline Code echoOnce() {
    return {0xBA, 0xFD, 0x03, 0x00, 0x00, // mov edx, 0x3FD (line status)
            0xEC, 0xA8, 0x01,             // in al, dx; test al, 1
            0x74, 0xFB,                   // jz to the in
            0xB2, 0xF8,                   // mov dl, 0xF8
            0xEC, 0xEE};                  // in al, dx; out dx, al
}

// Reads `port` until a bit of `mask` is set.
inline Code waitForBit(uint16_t port, uint8_t mask) {
    return {0xBA,
            static_cast<uint8_t>(port),
            static_cast<uint8_t>(port >> 8),
            0,
            0, // mov edx
            0xEC,
            0xA8,
            mask, // in; test
            0x74,
            0xFB}; // jz to the in
}

// Sends every byte that the keyboard controller delivers to the serial port.
inline Code echoKeyboard() {
    return {0xE4, 0x64,                   // in al, 0x64
            0xA8, 0x01,                   // test al, 1
            0x74, 0xFA,                   // jz -6
            0xE4, 0x60,                   // in al, 0x60
            0xBA, 0xF8, 0x03, 0x00, 0x00, // mov edx, 0x3F8
            0xEE, 0xEB, 0xF0};            // out; jmp to the beginning
}

} // namespace vivarium::test
