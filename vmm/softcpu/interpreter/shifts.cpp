#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/host_alu.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

// The count is CL or an immediate; D0 and D1 shift by one without an operand of their own.
uint8_t shiftCount(Engine& e, unsigned index) {
    if (e.instruction->operandCount <= index)
        return 1;
    return static_cast<uint8_t>(e.operand(index).kind == OperandKind::Immediate
                                    ? static_cast<uint64_t>(e.operand(index).immediate)
                                    : e.read(index));
}

#define VIVARIUM_SHIFT_HANDLER(name)                                                               \
    void name(Engine& e) {                                                                         \
        const uint8_t count = shiftCount(e, 1);                                                    \
        const uint64_t before = e.state.rflags;                                                    \
        uint64_t after = before;                                                                   \
        host::bySize(e.size(), [&]<class T>(T*) {                                                  \
            e.modify(0, [&](uint64_t value) -> uint64_t {                                          \
                after = before;                                                                    \
                return host::name(static_cast<T>(value), count, after);                            \
            });                                                                                    \
        });                                                                                        \
        e.state.rflags = after;                                                                    \
    }
VIVARIUM_SHIFT_HANDLER(shl)
VIVARIUM_SHIFT_HANDLER(shr)
VIVARIUM_SHIFT_HANDLER(sar)
VIVARIUM_SHIFT_HANDLER(rol)
VIVARIUM_SHIFT_HANDLER(ror)
VIVARIUM_SHIFT_HANDLER(rcl)
VIVARIUM_SHIFT_HANDLER(rcr)
#undef VIVARIUM_SHIFT_HANDLER

#define VIVARIUM_DOUBLE_SHIFT_HANDLER(name)                                                        \
    void name(Engine& e) {                                                                         \
        const uint8_t count = shiftCount(e, 2);                                                    \
        const uint64_t fill = e.read(1), before = e.state.rflags;                                  \
        uint64_t after = before;                                                                   \
        host::byWideSize(e.size(), [&]<class T>(T*) {                                              \
            e.modify(0, [&](uint64_t value) -> uint64_t {                                          \
                after = before;                                                                    \
                return host::name(static_cast<T>(value), static_cast<T>(fill), count, after);      \
            });                                                                                    \
        });                                                                                        \
        e.state.rflags = after;                                                                    \
    }
VIVARIUM_DOUBLE_SHIFT_HANDLER(shld)
VIVARIUM_DOUBLE_SHIFT_HANDLER(shrd)
#undef VIVARIUM_DOUBLE_SHIFT_HANDLER

void rorx(Engine& e) {
    const unsigned bits = 8 * e.size();
    const auto count = static_cast<unsigned>(e.operand(2).immediate) & (bits - 1);
    const uint64_t value = e.read(1);
    e.write(0, count == 0 ? value : (value >> count) | (value << (bits - count)));
}

#define VIVARIUM_BMI_SHIFT_HANDLER(name)                                                           \
    void name(Engine& e) {                                                                         \
        const uint64_t value = e.read(1), count = e.read(2);                                       \
        uint64_t unchanged = e.state.rflags;                                                       \
        if (e.size() == 8)                                                                         \
            e.write(0, host::name<uint64_t>(value, count, unchanged));                             \
        else                                                                                       \
            e.write(0, host::name<uint32_t>(static_cast<uint32_t>(value),                          \
                                            static_cast<uint32_t>(count), unchanged));             \
    }
VIVARIUM_BMI_SHIFT_HANDLER(shlx)
VIVARIUM_BMI_SHIFT_HANDLER(shrx)
VIVARIUM_BMI_SHIFT_HANDLER(sarx)
#undef VIVARIUM_BMI_SHIFT_HANDLER

} // namespace

void addShifts(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_SHL] = shl;
    table[ZYDIS_MNEMONIC_SHR] = shr;
    table[ZYDIS_MNEMONIC_SAR] = sar;
    table[ZYDIS_MNEMONIC_ROL] = rol;
    table[ZYDIS_MNEMONIC_ROR] = ror;
    table[ZYDIS_MNEMONIC_RCL] = rcl;
    table[ZYDIS_MNEMONIC_RCR] = rcr;
    table[ZYDIS_MNEMONIC_SHLD] = shld;
    table[ZYDIS_MNEMONIC_SHRD] = shrd;
    table[ZYDIS_MNEMONIC_RORX] = rorx;
    table[ZYDIS_MNEMONIC_SHLX] = shlx;
    table[ZYDIS_MNEMONIC_SHRX] = shrx;
    table[ZYDIS_MNEMONIC_SARX] = sarx;
}

} // namespace vivarium::softcpu
