#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/flags.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

enum class Carry { Ignore, Use };

template <Carry carry>
void add(Engine& e) {
    const unsigned bytes = e.size();
    const uint64_t b = e.read(1), extra = carry == Carry::Use && e.flag(kFlagCf) ? 1 : 0;
    uint64_t flags = 0;
    e.modify(0, [&](uint64_t a) {
        const uint64_t result = a + b + extra;
        flags = flags::ofAdd(a, b, result, bytes);
        return result;
    });
    e.setArithmetic(flags);
}

template <Carry carry>
void subtract(Engine& e) {
    const unsigned bytes = e.size();
    const uint64_t b = e.read(1), extra = carry == Carry::Use && e.flag(kFlagCf) ? 1 : 0;
    uint64_t flags = 0;
    e.modify(0, [&](uint64_t a) {
        const uint64_t result = a - b - extra;
        flags = flags::ofSubtract(a, b, result, bytes);
        return result;
    });
    e.setArithmetic(flags);
}

struct And {
    uint64_t operator()(uint64_t a, uint64_t b) const { return a & b; }
};
struct Or {
    uint64_t operator()(uint64_t a, uint64_t b) const { return a | b; }
};
struct Xor {
    uint64_t operator()(uint64_t a, uint64_t b) const { return a ^ b; }
};

template <class Operation>
void logical(Engine& e) {
    const uint64_t b = e.read(1);
    uint64_t result = 0;
    e.modify(0, [&](uint64_t a) { return result = Operation{}(a, b); });
    e.setArithmetic(flags::ofResult(result, e.size()));
}

void compare(Engine& e) {
    const uint64_t a = e.read(0), b = e.read(1);
    e.setArithmetic(flags::ofSubtract(a, b, a - b, e.size()));
}

void test(Engine& e) {
    const uint64_t a = e.read(0), b = e.read(1);
    e.setArithmetic(flags::ofResult(a & b, e.size()));
}

// INC and DEC leave the carry flag alone.
template <uint64_t step>
void count(Engine& e) {
    const unsigned bytes = e.size();
    uint64_t flags = 0;
    e.modify(0, [&](uint64_t a) {
        const uint64_t result = a + step;
        flags =
            step == 1 ? flags::ofAdd(a, 1, result, bytes) : flags::ofSubtract(a, 1, result, bytes);
        return result;
    });
    e.setArithmetic((flags & ~kFlagCf) | (e.state.rflags & kFlagCf));
}

void negate(Engine& e) {
    uint64_t flags = 0;
    e.modify(0, [&](uint64_t a) {
        flags = flags::ofSubtract(0, a, 0 - a, e.size());
        return 0 - a;
    });
    e.setArithmetic(flags);
}

void complement(Engine& e) {
    e.modify(0, [](uint64_t a) { return ~a; });
}

void exchangeAdd(Engine& e) {
    const unsigned bytes = e.size();
    const uint64_t b = e.read(1);
    uint64_t flags = 0;
    const uint64_t old = e.modify(0, [&](uint64_t a) {
        flags = flags::ofAdd(a, b, a + b, bytes);
        return a + b;
    });
    // With equal operands the sum is what stays (Intel SDM 2D, XADD).
    if (e.isMemory(0) || e.operand(0).reg != e.operand(1).reg ||
        e.operand(0).kind != e.operand(1).kind)
        e.write(1, old);
    e.setArithmetic(flags);
}

void compareExchange(Engine& e) {
    const unsigned bytes = e.size();
    const uint64_t expected = e.gpr(kRax, bytes), replacement = e.read(1);
    // The old value is written back when it differs: the access is always a write.
    const uint64_t old = e.modify(0, [&](uint64_t a) { return a == expected ? replacement : a; });
    e.setArithmetic(flags::ofSubtract(expected, old, expected - old, bytes));
    if (old != expected)
        e.setGpr(kRax, bytes, old);
}

void compareExchange8b(Engine& e) {
    const uint64_t expected = e.gpr(kRax, 4) | (e.gpr(kRdx, 4) << 32);
    const uint64_t replacement = e.gpr(kRbx, 4) | (e.gpr(kRcx, 4) << 32);
    const uint64_t address = e.operandLinear(8, AccessKind::Write);
    const uint64_t old = e.modifyMemory(address, 8, e.instruction->lock, [&](uint64_t a) {
        return a == expected ? replacement : a;
    });
    e.setFlag(kFlagZf, old == expected);
    if (old != expected) {
        e.setGpr(kRax, 4, old);
        e.setGpr(kRdx, 4, old >> 32);
    }
}

void compareExchange16b(Engine& e) {
    const uint64_t address = e.operandLinear(16, AccessKind::Write);
    e.require(address % 16 == 0, kGeneralProtection, 0);
    uint64_t expected[2] = {e.state.gpr[kRax], e.state.gpr[kRdx]};
    const uint64_t wanted[2] = {expected[0], expected[1]};
    const uint64_t replacement[2] = {e.state.gpr[kRbx], e.state.gpr[kRcx]};
    const SoftMmu::Place place = e.mmu.place(address, AccessKind::Write, dataTlbMode(e.state));
    Engine::throwFault(place.fault);
    if (place.host != nullptr) {
        bool equal;
        asm volatile("lock cmpxchg16b %[memory]"
                     : [memory] "+m"(*reinterpret_cast<unsigned __int128*>(place.host)),
                       "+a"(expected[0]), "+d"(expected[1]), "=@ccz"(equal)
                     : "b"(replacement[0]), "c"(replacement[1])
                     : "memory");
        e.mmu.wrote(place, 16);
    } else {
        e.loadBytes(address, expected, 16, dataTlbMode(e.state));
        const bool equal = expected[0] == wanted[0] && expected[1] == wanted[1];
        e.storeBytes(address, equal ? replacement : expected, 16, dataTlbMode(e.state));
    }
    const bool equal = expected[0] == wanted[0] && expected[1] == wanted[1];
    e.setFlag(kFlagZf, equal);
    if (!equal) {
        e.state.gpr[kRax] = expected[0];
        e.state.gpr[kRdx] = expected[1];
    }
}

// ADCX and ADOX: one flag only.
template <uint64_t mask>
void addWithFlag(Engine& e) {
    const unsigned bytes = e.size();
    const unsigned __int128 sum =
        static_cast<unsigned __int128>(e.read(0)) + e.read(1) + (e.flag(mask) ? 1 : 0);
    e.write(0, static_cast<uint64_t>(sum));
    e.setFlag(mask, (sum >> (8 * bytes)) != 0);
}

} // namespace

void addArithmetic(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_ADD] = add<Carry::Ignore>;
    table[ZYDIS_MNEMONIC_ADC] = add<Carry::Use>;
    table[ZYDIS_MNEMONIC_SUB] = subtract<Carry::Ignore>;
    table[ZYDIS_MNEMONIC_SBB] = subtract<Carry::Use>;
    table[ZYDIS_MNEMONIC_AND] = logical<And>;
    table[ZYDIS_MNEMONIC_OR] = logical<Or>;
    table[ZYDIS_MNEMONIC_XOR] = logical<Xor>;
    table[ZYDIS_MNEMONIC_CMP] = compare;
    table[ZYDIS_MNEMONIC_TEST] = test;
    table[ZYDIS_MNEMONIC_INC] = count<1>;
    table[ZYDIS_MNEMONIC_DEC] = count<~uint64_t{0}>;
    table[ZYDIS_MNEMONIC_NEG] = negate;
    table[ZYDIS_MNEMONIC_NOT] = complement;
    table[ZYDIS_MNEMONIC_XADD] = exchangeAdd;
    table[ZYDIS_MNEMONIC_CMPXCHG] = compareExchange;
    table[ZYDIS_MNEMONIC_CMPXCHG8B] = compareExchange8b;
    table[ZYDIS_MNEMONIC_CMPXCHG16B] = compareExchange16b;
    table[ZYDIS_MNEMONIC_ADCX] = addWithFlag<kFlagCf>;
    table[ZYDIS_MNEMONIC_ADOX] = addWithFlag<kFlagOf>;
}

} // namespace vivarium::softcpu
