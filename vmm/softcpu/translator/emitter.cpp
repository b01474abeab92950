#include "vmm/softcpu/translator/emitter.h"

namespace vivarium::softcpu {

namespace {

constexpr unsigned kGsPrefix = 0x65;

bool high(HostRegister reg) {
    return reg != kHostNone && reg >= 8;
}

bool fitsByte(int32_t value) {
    return value == static_cast<int8_t>(value);
}

} // namespace

// Intel SDM 2A, 2.1.5 and 2.2.1.
void Emitter::modrm(unsigned reg, const HostMemory& memory, unsigned immediateBytes) {
    unsigned field = (reg & 7) << 3;
    if (memory.absolute) {
        byte(field | 5);
        const uint8_t* next = here() + 4 + immediateBytes;
        dword(static_cast<uint32_t>(static_cast<const uint8_t*>(memory.absolute) - next));
        return;
    }
    unsigned scale = static_cast<unsigned>(memory.scaleShift) << 6;
    unsigned index = memory.index == kHostNone ? 4 : memory.index & 7u;
    if (memory.base == kHostNone) { // SIB without base: always a 32-bit displacement
        byte(field | 4);
        byte(scale | index << 3 | 5);
        dword(static_cast<uint32_t>(memory.displacement));
        return;
    }
    unsigned base = memory.base & 7u;
    unsigned mod = memory.displacement == 0 && base != 5 ? 0
                   : fitsByte(memory.displacement)       ? 1
                                                         : 2;
    if (memory.index != kHostNone || base == 4) {
        byte(mod << 6 | field | 4);
        byte(scale | index << 3 | base);
    } else {
        byte(mod << 6 | field | base);
    }
    if (mod == 1)
        byte(static_cast<uint8_t>(memory.displacement));
    else if (mod == 2)
        dword(static_cast<uint32_t>(memory.displacement));
}

void Emitter::rex(Width width, unsigned reg, const HostMemory& memory, bool byteRegister) {
    unsigned bits = (width == Width::Bits64 ? 8 : 0) | (reg >= 8 ? 4 : 0) |
                    (high(memory.index) ? 2 : 0) | (high(memory.base) ? 1 : 0);
    if (bits != 0 || (byteRegister && reg >= 4)) // SPL, BPL, SIL, DIL need one
        byte(0x40 | bits);
}

void Emitter::legacy(unsigned prefix, Width width, std::initializer_list<uint8_t> opcode,
                     unsigned reg, const HostMemory& memory, unsigned immediateBytes) {
    if (memory.gsRelative)
        byte(kGsPrefix);
    if (prefix)
        byte(prefix);
    rex(width, reg, memory, width == Width::Bits8);
    for (uint8_t part : opcode)
        byte(part);
    modrm(reg, memory, immediateBytes);
}

void Emitter::legacy(unsigned prefix, Width width, std::initializer_list<uint8_t> opcode,
                     unsigned reg, unsigned rm) {
    if (prefix)
        byte(prefix);
    unsigned bits = (width == Width::Bits64 ? 8 : 0) | (reg >= 8 ? 4 : 0) | (rm >= 8 ? 1 : 0);
    if (bits != 0 || (width == Width::Bits8 && (reg >= 4 || rm >= 4)))
        byte(0x40 | bits);
    for (uint8_t part : opcode)
        byte(part);
    byte(0xC0 | (reg & 7) << 3 | (rm & 7));
}

void Emitter::move(HostRegister to, HostRegister from, Width width) {
    legacy(0, width, {0x8B}, to, from);
}

void Emitter::load(HostRegister to, const HostMemory& from, Width width) {
    legacy(0, width, {0x8B}, to, from);
}

void Emitter::loadZeroExtended(HostRegister to, const HostMemory& from, Width width) {
    legacy(0, Width::Bits32, {0x0F, static_cast<uint8_t>(width == Width::Bits8 ? 0xB6 : 0xB7)}, to,
           from);
}

void Emitter::store(const HostMemory& to, HostRegister from, Width width) {
    legacy(width == Width::Bits16 ? 0x66 : 0, width,
           {static_cast<uint8_t>(width == Width::Bits8 ? 0x88 : 0x89)}, from, to);
}

void Emitter::storeImmediate(const HostMemory& to, int32_t value, Width width) {
    unsigned immediateBytes = width == Width::Bits8 ? 1 : width == Width::Bits16 ? 2 : 4;
    legacy(width == Width::Bits16 ? 0x66 : 0, width,
           {static_cast<uint8_t>(width == Width::Bits8 ? 0xC6 : 0xC7)}, 0, to, immediateBytes);
    for (unsigned i = 0; i < immediateBytes; ++i)
        byte(static_cast<uint32_t>(value) >> (8 * i) & 0xFF);
}

void Emitter::loadImmediate(HostRegister to, uint64_t value) {
    if (value == static_cast<uint32_t>(value)) {
        if (to >= 8)
            byte(0x41);
        byte(0xB8 | (to & 7));
        dword(static_cast<uint32_t>(value));
    } else if (static_cast<int64_t>(value) == static_cast<int32_t>(value)) {
        legacy(0, Width::Bits64, {0xC7}, 0, to);
        dword(static_cast<uint32_t>(value));
    } else {
        loadImmediate64(to, value);
    }
}

void Emitter::loadImmediate64(HostRegister to, uint64_t value) {
    byte(0x48 | (to >= 8 ? 1 : 0));
    byte(0xB8 | (to & 7));
    qword(value);
}

void Emitter::lea(HostRegister to, const HostMemory& address, Width width) {
    legacy(0, width, {0x8D}, to, address);
}

void Emitter::bitwiseNot(HostRegister reg) {
    legacy(0, Width::Bits64, {0xF7}, 2, reg);
}

void Emitter::zeroExtend16(HostRegister to, HostRegister from) {
    legacy(0, Width::Bits32, {0x0F, 0xB7}, to, from);
}

void Emitter::signExtend(HostRegister to, HostRegister from, Width width) {
    if (width == Width::Bits16)
        legacy(0, Width::Bits64, {0x0F, 0xBF}, to, from);
    else
        legacy(0, Width::Bits64, {0x63}, to, from);
}

// VEX.LZ.pp.0F38.W1 F7 /r (Intel SDM 2B, SARX and SHRX).
void Emitter::bmi2Shift(unsigned pp, HostRegister to, HostRegister from, HostRegister count) {
    byte(0xC4);
    byte((to >= 8 ? 0 : 0x80) | 0x40 | (from >= 8 ? 0 : 0x20) | 2);
    byte(0x80 | (~static_cast<unsigned>(count) & 15) << 3 | pp);
    byte(0xF7);
    byte(0xC0 | (to & 7) << 3 | (from & 7));
}

void Emitter::shiftRightArithmetic(HostRegister to, HostRegister from, HostRegister count) {
    bmi2Shift(2, to, from, count);
}

void Emitter::shiftRight(HostRegister to, HostRegister from, HostRegister count) {
    bmi2Shift(3, to, from, count);
}

// VEX.LZ.pp.0F38.W1 F5 /r (Intel SDM 2B, PEXT and PDEP).
void Emitter::bmi2(unsigned pp, HostRegister to, HostRegister from, const HostMemory& mask) {
    byte(0xC4);
    byte((to >= 8 ? 0 : 0x80) | (high(mask.index) ? 0 : 0x40) | (high(mask.base) ? 0 : 0x20) | 2);
    byte(0x80 | (~static_cast<unsigned>(from) & 15) << 3 | pp);
    byte(0xF5);
    modrm(to, mask);
}

void Emitter::pext(HostRegister to, HostRegister from, const HostMemory& mask) {
    bmi2(2, to, from, mask);
}

void Emitter::pdep(HostRegister to, HostRegister from, const HostMemory& mask) {
    bmi2(3, to, from, mask);
}

JumpSite Emitter::jumpUnlessRcxZero() {
    JumpSite goesOn = jumpIfRcxZero();
    JumpSite site = jumpLater();
    bindShort(goesOn);
    return site;
}

// LOOP reaches 127 bytes only: it leads to a jump inside of the instruction behind it, a NOP of
// 8 bytes whose SIB byte and displacement are that jump (0F 1F 84 E9 rel32).
JumpSite Emitter::jumpUnlessRcxOne() {
    byte(0xE2);
    byte(3);
    byte(0x0F);
    byte(0x1F);
    byte(0x84);
    return jumpLater();
}

JumpSite Emitter::jumpIfRcxZero() {
    byte(0xE3);
    byte(0);
    return {m_offset - 1};
}

void Emitter::bindShort(JumpSite site) {
    if (m_overflowed)
        return;
    *m_cache.writable(site.offset) = static_cast<uint8_t>(m_offset - site.offset - 1);
}

void Emitter::relative(const void* target) {
    dword(static_cast<uint32_t>(static_cast<const uint8_t*>(target) - (here() + 4)));
}

void Emitter::jump(const void* target) {
    byte(0xE9);
    relative(target);
}

void Emitter::call(const void* target) {
    byte(0xE8);
    relative(target);
}

void Emitter::jump(const HostMemory& target) {
    legacy(0, Width::Bits32, {0xFF}, 4, target);
}

JumpSite Emitter::jumpLater() {
    byte(0xE9);
    dword(0);
    return {m_offset - 4};
}

JumpSite Emitter::jumpIfLater(unsigned condition) {
    byte(0x0F);
    byte(0x80 | condition);
    dword(0);
    return {m_offset - 4};
}

void Emitter::patch(JumpSite site, size_t targetOffset) {
    if (m_overflowed)
        return;
    uint32_t distance = static_cast<uint32_t>(targetOffset - (site.offset + 4));
    // One aligned or unaligned store of this very thread's code: nobody executes it meanwhile.
    std::memcpy(m_cache.writable(site.offset), &distance, sizeof distance);
}

} // namespace vivarium::softcpu
