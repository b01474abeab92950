#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/host_alu.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

using Wide = unsigned __int128;
using SignedWide = __int128;

uint16_t ax(const Engine& e) {
    return static_cast<uint16_t>(e.state.gpr[kRax]);
}

// rDX:rAX = OP(rAX, source) for 2, 4 and 8 bytes.
template <class Operation>
void accumulate(Engine& e, uint64_t source, Operation operation) {
    const unsigned bytes = e.size();
    host::byWideSize(bytes, [&]<class T>(T*) {
        T low = static_cast<T>(e.state.gpr[kRax]), high = static_cast<T>(e.state.gpr[kRdx]);
        operation(low, high, static_cast<T>(source));
        e.setGpr(kRax, bytes, low);
        e.setGpr(kRdx, bytes, high);
    });
}

void mul(Engine& e) {
    const uint64_t source = e.read(0);
    if (e.size() == 1)
        return e.setGpr(kRax, 2,
                        host::mulByte(ax(e), static_cast<uint8_t>(source), e.state.rflags));
    accumulate(e, source, [&]<class T>(T& low, T& high, T factor) {
        host::mul(low, high, factor, e.state.rflags);
    });
}

void imul(Engine& e) {
    if (e.instruction->opcode == 0xF6 || e.instruction->opcode == 0xF7) {
        const uint64_t source = e.read(0);
        if (e.size() == 1)
            return e.setGpr(kRax, 2,
                            host::imulByte(ax(e), static_cast<uint8_t>(source), e.state.rflags));
        return accumulate(e, source, [&]<class T>(T& low, T& high, T factor) {
            host::imulWide(low, high, factor, e.state.rflags);
        });
    }
    const bool three = e.instruction->operandCount == 3;
    const uint64_t a = three ? e.read(1) : e.read(0), b = three ? e.read(2) : e.read(1);
    const uint64_t product = host::byWideSize(e.size(), [&]<class T>(T*) -> uint64_t {
        return host::imul(static_cast<T>(a), static_cast<T>(b), e.state.rflags);
    });
    e.write(0, product);
}

void mulx(Engine& e) {
    const unsigned bits = 8 * e.size();
    const Wide product = static_cast<Wide>(e.gpr(kRdx, e.size())) * e.read(2);
    // The low half first: with equal destinations the high half stays (Intel SDM 2A, MULX).
    e.write(1, static_cast<uint64_t>(product));
    e.write(0, static_cast<uint64_t>(product >> bits));
}

Wide dividend(const Engine& e, unsigned bytes) {
    if (bytes == 1)
        return ax(e);
    return (static_cast<Wide>(e.gpr(kRdx, bytes)) << (8 * bytes)) | e.gpr(kRax, bytes);
}

void div(Engine& e) {
    const unsigned bytes = e.size();
    const uint64_t divisor = e.read(0);
    if (divisor == 0 || (dividend(e, bytes) >> (8 * bytes)) >= divisor)
        Engine::raise(kDivideError);
    if (bytes == 1)
        return e.setGpr(kRax, 2,
                        host::divByte(ax(e), static_cast<uint8_t>(divisor), e.state.rflags));
    accumulate(e, divisor, [&]<class T>(T& low, T& high, T value) {
        host::div(low, high, value, e.state.rflags);
    });
}

void idiv(Engine& e) {
    const unsigned bytes = e.size(), unused = 128 - 16 * bytes;
    const int64_t divisor = e.readSigned(0);
    const auto value = static_cast<SignedWide>(dividend(e, bytes) << unused) >> unused;
    constexpr auto kLowest = static_cast<SignedWide>(static_cast<Wide>(1) << 127);
    if (divisor == 0 || (value == kLowest && divisor == -1))
        Engine::raise(kDivideError);
    const SignedWide quotient = value / divisor;
    const SignedWide limit = static_cast<SignedWide>(1) << (8 * bytes - 1);
    if (quotient < -limit || quotient >= limit)
        Engine::raise(kDivideError);
    if (bytes == 1)
        return e.setGpr(kRax, 2,
                        host::idivByte(ax(e), static_cast<uint8_t>(divisor), e.state.rflags));
    accumulate(e, static_cast<uint64_t>(divisor),
               [&]<class T>(T& low, T& high, T by) { host::idiv(low, high, by, e.state.rflags); });
}

} // namespace

void addMultiplyDivide(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_MUL] = mul;
    table[ZYDIS_MNEMONIC_IMUL] = imul;
    table[ZYDIS_MNEMONIC_MULX] = mulx;
    table[ZYDIS_MNEMONIC_DIV] = div;
    table[ZYDIS_MNEMONIC_IDIV] = idiv;
}

} // namespace vivarium::softcpu
