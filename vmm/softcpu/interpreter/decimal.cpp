#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/flags.h"

#include <Zydis/Zydis.h>

// Decimal adjustment, as the pseudo-code of Intel SDM 2A has it (outside 64-bit mode only).
namespace vivarium::softcpu {
namespace {

uint8_t al(const Engine& e) {
    return static_cast<uint8_t>(e.state.gpr[kRax]);
}
uint8_t ah(const Engine& e) {
    return static_cast<uint8_t>(e.state.gpr[kRax] >> 8);
}

void setAx(Engine& e, unsigned high, unsigned low) {
    e.setGpr(kRax, 2, ((high & 0xFF) << 8) | (low & 0xFF));
}

template <int sign>
void packedAdjust(Engine& e) { // DAA, DAS
    const unsigned old = al(e);
    const bool oldCarry = e.flag(kFlagCf);
    unsigned value = old;
    bool carry = false, half = false;
    if ((old & 0xF) > 9 || e.flag(kFlagAf)) {
        carry = oldCarry || (sign > 0 ? old + 6 > 0xFF : old < 6);
        value += static_cast<unsigned>(sign * 6);
        half = true;
    }
    if (old > 0x99 || oldCarry) {
        value += static_cast<unsigned>(sign * 0x60);
        carry = true;
    }
    e.setGpr(kRax, 1, value);
    e.setArithmetic(flags::ofResult(value, 1) | (carry ? kFlagCf : 0) | (half ? kFlagAf : 0));
}

template <int sign>
void unpackedAdjust(Engine& e) { // AAA, AAS
    const bool adjust = (al(e) & 0xF) > 9 || e.flag(kFlagAf);
    if (adjust)
        e.setGpr(kRax, 2, e.state.gpr[kRax] + static_cast<uint64_t>(int64_t{sign} * 0x106));
    setAx(e, ah(e), al(e) & 0xF);
    e.setArithmetic(flags::ofResult(al(e), 1) | (adjust ? kFlagCf | kFlagAf : 0));
}

uint8_t base(const Engine& e) {
    return e.instruction->operandCount > 0 ? static_cast<uint8_t>(e.operand(0).immediate)
                                           : uint8_t{10};
}

void aam(Engine& e) {
    if (base(e) == 0)
        Engine::raise(kDivideError);
    setAx(e, al(e) / base(e), al(e) % base(e));
    e.setArithmetic(flags::ofResult(al(e), 1));
}

void aad(Engine& e) {
    setAx(e, 0, al(e) + unsigned{ah(e)} * base(e));
    e.setArithmetic(flags::ofResult(al(e), 1));
}

void salc(Engine& e) {
    e.setGpr(kRax, 1, e.flag(kFlagCf) ? 0xFF : 0);
}

} // namespace

void addDecimal(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_DAA] = packedAdjust<1>;
    table[ZYDIS_MNEMONIC_DAS] = packedAdjust<-1>;
    table[ZYDIS_MNEMONIC_AAA] = unpackedAdjust<1>;
    table[ZYDIS_MNEMONIC_AAS] = unpackedAdjust<-1>;
    table[ZYDIS_MNEMONIC_AAM] = aam;
    table[ZYDIS_MNEMONIC_AAD] = aad;
    table[ZYDIS_MNEMONIC_SALC] = salc;
}

} // namespace vivarium::softcpu
