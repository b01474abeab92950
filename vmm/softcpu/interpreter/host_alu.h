#pragma once

#include "vmm/softcpu/cpu_state.h"

#include <cstdint>
#include <type_traits>

// Integer instructions carried out by the host's own, so that flags which the manual leaves
// undefined come out as in translated code. Flags go in and out as RFLAGS bits.
namespace vivarium::softcpu::host {

// PUSHF and POPF must not touch the red zone below the stack pointer.
#define VIVARIUM_WITH_FLAGS(code)                                                                  \
    "lea -128(%%rsp), %%rsp\n\tpush %[flags]\n\tpopfq\n\t" code                                    \
    "\n\tpushfq\n\tpop %[flags]\n\tlea 128(%%rsp), %%rsp"

inline uint64_t cleanFlags(uint64_t rflags) {
    return (rflags & kArithmeticFlags) | kFlagFixed | kFlagIf;
}

// value = OP(value) by `count`
#define VIVARIUM_SHIFT(name)                                                                       \
    template <class T>                                                                             \
    inline T name(T value, uint8_t count, uint64_t& rflags) {                                      \
        uint64_t flags = cleanFlags(rflags);                                                       \
        asm volatile(VIVARIUM_WITH_FLAGS(#name " %%cl, %[value]")                                  \
                     : [flags] "+r"(flags), [value] "+q"(value)                                    \
                     : "c"(count)                                                                  \
                     : "cc", "memory");                                                            \
        rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);                        \
        return value;                                                                              \
    }
VIVARIUM_SHIFT(shl)
VIVARIUM_SHIFT(shr)
VIVARIUM_SHIFT(sar)
VIVARIUM_SHIFT(rol)
VIVARIUM_SHIFT(ror)
VIVARIUM_SHIFT(rcl)
VIVARIUM_SHIFT(rcr)
#undef VIVARIUM_SHIFT

// value = OP(value, fill) by `count`; 16, 32 and 64 bits
#define VIVARIUM_DOUBLE_SHIFT(name)                                                                \
    template <class T>                                                                             \
    inline T name(T value, T fill, uint8_t count, uint64_t& rflags) {                              \
        uint64_t flags = cleanFlags(rflags);                                                       \
        asm volatile(VIVARIUM_WITH_FLAGS(#name " %%cl, %[fill], %[value]")                         \
                     : [flags] "+r"(flags), [value] "+r"(value)                                    \
                     : [fill] "r"(fill), "c"(count)                                                \
                     : "cc", "memory");                                                            \
        rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);                        \
        return value;                                                                              \
    }
VIVARIUM_DOUBLE_SHIFT(shld)
VIVARIUM_DOUBLE_SHIFT(shrd)
#undef VIVARIUM_DOUBLE_SHIFT

// result = OP(result, source): `result` goes in because BSF and BSR may leave it
#define VIVARIUM_UNARY(name)                                                                       \
    template <class T>                                                                             \
    inline T name(T result, T source, uint64_t& rflags) {                                          \
        uint64_t flags = cleanFlags(rflags);                                                       \
        asm volatile(VIVARIUM_WITH_FLAGS(#name " %[source], %[result]")                            \
                     : [flags] "+r"(flags), [result] "+r"(result)                                  \
                     : [source] "r"(source)                                                        \
                     : "cc", "memory");                                                            \
        rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);                        \
        return result;                                                                             \
    }
VIVARIUM_UNARY(bsf)
VIVARIUM_UNARY(bsr)
VIVARIUM_UNARY(tzcnt)
VIVARIUM_UNARY(lzcnt)
VIVARIUM_UNARY(popcnt)
VIVARIUM_UNARY(imul)
VIVARIUM_UNARY(blsi)
VIVARIUM_UNARY(blsr)
VIVARIUM_UNARY(blsmsk)
VIVARIUM_UNARY(bt)
VIVARIUM_UNARY(bts)
VIVARIUM_UNARY(btr)
VIVARIUM_UNARY(btc)
#undef VIVARIUM_UNARY

// result = OP(first, second) in the order of Intel's notation; 32 and 64 bits
#define VIVARIUM_TERNARY(name)                                                                     \
    template <class T>                                                                             \
    inline T name(T first, T second, uint64_t& rflags) {                                           \
        uint64_t flags = cleanFlags(rflags);                                                       \
        T result;                                                                                  \
        asm volatile(VIVARIUM_WITH_FLAGS(#name " %[second], %[first], %[result]")                  \
                     : [flags] "+r"(flags), [result] "=&r"(result)                                 \
                     : [first] "r"(first), [second] "r"(second)                                    \
                     : "cc", "memory");                                                            \
        rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);                        \
        return result;                                                                             \
    }
VIVARIUM_TERNARY(andn)
VIVARIUM_TERNARY(bextr)
VIVARIUM_TERNARY(bzhi)
VIVARIUM_TERNARY(pdep)
VIVARIUM_TERNARY(pext)
VIVARIUM_TERNARY(shlx)
VIVARIUM_TERNARY(shrx)
VIVARIUM_TERNARY(sarx)
#undef VIVARIUM_TERNARY

// low and high accumulator, one source; the caller has excluded divide errors
#define VIVARIUM_ACCUMULATOR(name)                                                                 \
    template <class T>                                                                             \
    inline void name(T& low, T& high, T source, uint64_t& rflags) {                                \
        uint64_t flags = cleanFlags(rflags);                                                       \
        asm volatile(VIVARIUM_WITH_FLAGS(#name " %[source]")                                       \
                     : [flags] "+r"(flags), "+a"(low), "+d"(high)                                  \
                     : [source] "r"(source)                                                        \
                     : "cc", "memory");                                                            \
        rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);                        \
    }
VIVARIUM_ACCUMULATOR(mul)
VIVARIUM_ACCUMULATOR(div)
VIVARIUM_ACCUMULATOR(idiv)
#undef VIVARIUM_ACCUMULATOR

// One-operand signed multiplication (the name of the two-operand one is taken).
template <class T>
inline void imulWide(T& low, T& high, T source, uint64_t& rflags) {
    uint64_t flags = cleanFlags(rflags);
    asm volatile(VIVARIUM_WITH_FLAGS("imul %[source]")
                 : [flags] "+r"(flags), "+a"(low), "+d"(high)
                 : [source] "r"(source)
                 : "cc", "memory");
    rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);
}

// The byte forms work on AX.
#define VIVARIUM_BYTE_ACCUMULATOR(name, mnemonic)                                                  \
    inline uint16_t name(uint16_t ax, uint8_t source, uint64_t& rflags) {                          \
        uint64_t flags = cleanFlags(rflags);                                                       \
        asm volatile(VIVARIUM_WITH_FLAGS(mnemonic " %[source]")                                    \
                     : [flags] "+r"(flags), "+a"(ax)                                               \
                     : [source] "q"(source)                                                        \
                     : "cc", "memory");                                                            \
        rflags = (rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);                        \
        return ax;                                                                                 \
    }
VIVARIUM_BYTE_ACCUMULATOR(mulByte, "mulb")
VIVARIUM_BYTE_ACCUMULATOR(imulByte, "imulb")
VIVARIUM_BYTE_ACCUMULATOR(divByte, "divb")
VIVARIUM_BYTE_ACCUMULATOR(idivByte, "idivb")
#undef VIVARIUM_BYTE_ACCUMULATOR
#undef VIVARIUM_WITH_FLAGS

// Calls `function` with a null pointer to the unsigned type of `sizeBytes`.
template <class Function>
auto bySize(unsigned sizeBytes, Function function) {
    switch (sizeBytes) {
    case 1:
        return function(static_cast<uint8_t*>(nullptr));
    case 2:
        return function(static_cast<uint16_t*>(nullptr));
    case 4:
        return function(static_cast<uint32_t*>(nullptr));
    default:
        return function(static_cast<uint64_t*>(nullptr));
    }
}

// Likewise without bytes, for instructions that have no byte form.
template <class Function>
auto byWideSize(unsigned sizeBytes, Function function) {
    switch (sizeBytes) {
    case 2:
        return function(static_cast<uint16_t*>(nullptr));
    case 4:
        return function(static_cast<uint32_t*>(nullptr));
    default:
        return function(static_cast<uint64_t*>(nullptr));
    }
}

} // namespace vivarium::softcpu::host
