#pragma once

#include "vmm/softcpu/translator/code_cache.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace vivarium::softcpu {

// Host registers by their number in an instruction.
enum HostRegister : uint8_t {
    kHostRax,
    kHostRcx,
    kHostRdx,
    kHostRbx,
    kHostRsp,
    kHostRbp,
    kHostRsi,
    kHostRdi,
    kHostR8,
    kHostR9,
    kHostR10,
    kHostR11,
    kHostR12,
    kHostR13,
    kHostR14,
    kHostR15,
    kHostNone = 0xFF,
};

// A memory operand of generated code. At most one of `gsRelative` and `absolute`; `absolute` is
// reached relative to RIP and must be in the code cache's region.
struct HostMemory {
    HostRegister base = kHostNone;
    HostRegister index = kHostNone;
    uint8_t scaleShift = 0;
    int32_t displacement = 0;
    bool gsRelative = false;
    const void* absolute = nullptr;
};

enum class Width : uint8_t { Bits8, Bits16, Bits32, Bits64 };

// A place in the code that is not known yet when it is jumped to: the offset of the 4 (or 1)
// displacement bytes.
struct JumpSite {
    size_t offset = 0;
};

// Writes host instructions behind the cache's used part. Running out of space is remembered, not
// reported by each call: look at overflowed() before committing. No instruction here but the ones
// named so changes the flags.
class Emitter {
public:
    explicit Emitter(CodeCache& cache)
        : m_cache(cache), m_start(cache.usedBytes()), m_offset(cache.usedBytes()) {}

    size_t startOffset() const { return m_start; }
    size_t offset() const { return m_offset; }
    uint8_t* here() const { return m_cache.executable(m_offset); }
    bool overflowed() const { return m_overflowed; }
    CodeCache& cache() { return m_cache; }

    void rewind(size_t toOffset) { m_offset = toOffset; }

    void byte(unsigned value) {
        if (m_offset < m_cache.codeBytes())
            *m_cache.writable(m_offset++) = static_cast<uint8_t>(value);
        else
            m_overflowed = true;
    }
    void bytes(const uint8_t* values, size_t count) {
        for (size_t i = 0; i < count; ++i)
            byte(values[i]);
    }
    void dword(uint32_t value) {
        for (unsigned i = 0; i < 4; ++i)
            byte(value >> (8 * i));
    }
    void qword(uint64_t value) {
        dword(static_cast<uint32_t>(value));
        dword(static_cast<uint32_t>(value >> 32));
    }

    // ModRM, SIB and displacement for `memory`; `reg` is the low 3 bits of the register field.
    // `immediateBytes` follow the operand (RIP counts from the instruction's end).
    void modrm(unsigned reg, const HostMemory& memory, unsigned immediateBytes = 0);
    // An instruction without mandatory VEX prefix: `prefix` 0 or one of 66 F2 F3.
    void legacy(unsigned prefix, Width width, std::initializer_list<uint8_t> opcode, unsigned reg,
                const HostMemory& memory, unsigned immediateBytes = 0);
    void legacy(unsigned prefix, Width width, std::initializer_list<uint8_t> opcode, unsigned reg,
                unsigned rm);

    void move(HostRegister to, HostRegister from, Width width = Width::Bits64); // 32 or 64 bits
    void load(HostRegister to, const HostMemory& from, Width width = Width::Bits64);
    void loadZeroExtended(HostRegister to, const HostMemory& from, Width width); // 8 or 16 bits
    void store(const HostMemory& to, HostRegister from, Width width = Width::Bits64);
    void storeImmediate(const HostMemory& to, int32_t value, Width width); // 64: sign-extended
    void loadImmediate(HostRegister to, uint64_t value);
    void loadImmediate64(HostRegister to, uint64_t value); // 8 bytes, that end here
    void lea(HostRegister to, const HostMemory& address, Width width = Width::Bits64);
    void bitwiseNot(HostRegister reg);
    void zeroExtend16(HostRegister to, HostRegister from);
    void signExtend(HostRegister to, HostRegister from, Width width); // 16 or 32 bits, to 64
    // BMI2: shift right by the low 6 bits of `count`.
    void shiftRightArithmetic(HostRegister to, HostRegister from, HostRegister count);
    void shiftRight(HostRegister to, HostRegister from, HostRegister count);
    // BMI2: gathers the bits of `from` that `mask` selects.
    void pext(HostRegister to, HostRegister from, const HostMemory& mask);
    void pdep(HostRegister to, HostRegister from, const HostMemory& mask);

    // Go on when RCX is zero, or one (and change it), else jump to what is bound later.
    JumpSite jumpUnlessRcxZero(); // JRCXZ, taken when the code goes on
    JumpSite jumpUnlessRcxOne();  // LOOP, not taken when the code goes on
    // Jumps over what follows, up to bindShort(), when RCX is zero.
    JumpSite jumpIfRcxZero();
    void bindShort(JumpSite site);
    void jump(const void* target);
    void call(const void* target);
    void jump(const HostMemory& target);
    JumpSite jumpLater();
    JumpSite jumpIfLater(unsigned condition); // condition code 0..15
    void bind(JumpSite site) { patch(site, m_offset); }
    void patch(JumpSite site, size_t targetOffset);

private:
    void rex(Width width, unsigned reg, const HostMemory& memory, bool byteRegister);
    void relative(const void* target);
    void bmi2(unsigned pp, HostRegister to, HostRegister from, const HostMemory& mask);
    void bmi2Shift(unsigned pp, HostRegister to, HostRegister from, HostRegister count);

    CodeCache& m_cache;
    size_t m_start;
    size_t m_offset;
    bool m_overflowed = false;
};

} // namespace vivarium::softcpu
