#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/host_alu.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

// Where a bit test with a register offset and a memory operand looks: the offset selects among all
// of memory (Intel SDM 2A, BT).
uint64_t bitStringLinear(Engine& e, int64_t bitOffset, AccessKind kind) {
    const unsigned bytes = e.size();
    const int shift = bytes == 8 ? 6 : bytes == 4 ? 5 : 4;
    const uint64_t offset =
        e.effectiveOffset() + static_cast<uint64_t>((bitOffset >> shift)) * bytes;
    return e.linear(e.instruction->memory.segment, offset & accessMask(e.instruction->addressBytes),
                    bytes, kind);
}

#define VIVARIUM_BIT_HANDLER(name, access)                                                         \
    void name(Engine& e) {                                                                         \
        const unsigned bytes = e.size(), bits = 8 * bytes;                                         \
        const bool immediate = e.operand(1).kind == OperandKind::Immediate;                        \
        const int64_t index = immediate ? e.operand(1).immediate : e.readSigned(1);                \
        const auto bit = static_cast<uint64_t>(index) & (bits - 1);                                \
        const uint64_t before = e.state.rflags;                                                    \
        uint64_t after = before;                                                                   \
        const auto change = [&](uint64_t value) {                                                  \
            after = before;                                                                        \
            return host::byWideSize(bytes, [&]<class T>(T*) -> uint64_t {                          \
                return host::name(static_cast<T>(value), static_cast<T>(bit), after);              \
            });                                                                                    \
        };                                                                                         \
        if (!e.isMemory(0)) {                                                                      \
            const uint64_t result = change(e.read(0));                                             \
            if (access == AccessKind::Write)                                                       \
                e.write(0, result);                                                                \
        } else {                                                                                   \
            const uint64_t address =                                                               \
                immediate ? e.operandLinear(bytes, access) : bitStringLinear(e, index, access);    \
            if (access == AccessKind::Write)                                                       \
                e.modifyMemory(address, bytes, e.instruction->lock, change);                       \
            else                                                                                   \
                change(e.load(address, bytes));                                                    \
        }                                                                                          \
        e.state.rflags = after;                                                                    \
    }
VIVARIUM_BIT_HANDLER(bt, AccessKind::Read)
VIVARIUM_BIT_HANDLER(bts, AccessKind::Write)
VIVARIUM_BIT_HANDLER(btr, AccessKind::Write)
VIVARIUM_BIT_HANDLER(btc, AccessKind::Write)
#undef VIVARIUM_BIT_HANDLER

// One source: destination 0, source 1.
#define VIVARIUM_SCAN_HANDLER(name)                                                                \
    void name(Engine& e) {                                                                         \
        const uint64_t source = e.read(1), old = e.read(0);                                        \
        const uint64_t result = host::byWideSize(e.size(), [&]<class T>(T*) -> uint64_t {          \
            return host::name(static_cast<T>(old), static_cast<T>(source), e.state.rflags);        \
        });                                                                                        \
        e.write(0, result);                                                                        \
    }
VIVARIUM_SCAN_HANDLER(bsf)
VIVARIUM_SCAN_HANDLER(bsr)
VIVARIUM_SCAN_HANDLER(tzcnt)
VIVARIUM_SCAN_HANDLER(lzcnt)
VIVARIUM_SCAN_HANDLER(popcnt)
#undef VIVARIUM_SCAN_HANDLER

#define VIVARIUM_BMI_UNARY_HANDLER(name)                                                           \
    void name(Engine& e) {                                                                         \
        const uint64_t source = e.read(1);                                                         \
        if (e.size() == 8)                                                                         \
            e.write(0, host::name<uint64_t>(0, source, e.state.rflags));                           \
        else                                                                                       \
            e.write(0, host::name<uint32_t>(0, static_cast<uint32_t>(source), e.state.rflags));    \
    }
VIVARIUM_BMI_UNARY_HANDLER(blsi)
VIVARIUM_BMI_UNARY_HANDLER(blsr)
VIVARIUM_BMI_UNARY_HANDLER(blsmsk)
#undef VIVARIUM_BMI_UNARY_HANDLER

// Operands 1 and 2 in Intel's order.
#define VIVARIUM_BMI_HANDLER(name)                                                                 \
    void name(Engine& e) {                                                                         \
        const uint64_t first = e.read(1), second = e.read(2);                                      \
        if (e.size() == 8)                                                                         \
            e.write(0, host::name<uint64_t>(first, second, e.state.rflags));                       \
        else                                                                                       \
            e.write(0, host::name<uint32_t>(static_cast<uint32_t>(first),                          \
                                            static_cast<uint32_t>(second), e.state.rflags));       \
    }
VIVARIUM_BMI_HANDLER(andn)
VIVARIUM_BMI_HANDLER(bextr)
VIVARIUM_BMI_HANDLER(bzhi)
VIVARIUM_BMI_HANDLER(pdep)
VIVARIUM_BMI_HANDLER(pext)
#undef VIVARIUM_BMI_HANDLER

// CRC32 with the Castagnoli polynomial, bit-reflected (Intel SDM 2A, CRC32).
void crc32(Engine& e) {
    constexpr uint32_t kPolynomial = 0x82F63B78;
    auto crc = static_cast<uint32_t>(e.read(0));
    uint64_t source = e.read(1);
    for (unsigned i = 0; i < e.size(1); ++i, source >>= 8) {
        crc ^= static_cast<uint32_t>(source & 0xFF);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
    }
    e.write(0, crc);
}

} // namespace

void addBitOperations(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_BT] = bt;
    table[ZYDIS_MNEMONIC_BTS] = bts;
    table[ZYDIS_MNEMONIC_BTR] = btr;
    table[ZYDIS_MNEMONIC_BTC] = btc;
    table[ZYDIS_MNEMONIC_BSF] = bsf;
    table[ZYDIS_MNEMONIC_BSR] = bsr;
    // Without the feature their prefix is ignored.
    table[ZYDIS_MNEMONIC_TZCNT] = [](Engine& e) {
        e.features.has(feature::kBmi1) ? tzcnt(e) : bsf(e);
    };
    table[ZYDIS_MNEMONIC_LZCNT] = [](Engine& e) {
        e.features.has(feature::kLzcnt) ? lzcnt(e) : bsr(e);
    };
    table[ZYDIS_MNEMONIC_POPCNT] = popcnt;
    table[ZYDIS_MNEMONIC_BLSI] = blsi;
    table[ZYDIS_MNEMONIC_BLSR] = blsr;
    table[ZYDIS_MNEMONIC_BLSMSK] = blsmsk;
    table[ZYDIS_MNEMONIC_ANDN] = andn;
    table[ZYDIS_MNEMONIC_BEXTR] = bextr;
    table[ZYDIS_MNEMONIC_BZHI] = bzhi;
    table[ZYDIS_MNEMONIC_PDEP] = pdep;
    table[ZYDIS_MNEMONIC_PEXT] = pext;
    table[ZYDIS_MNEMONIC_CRC32] = crc32;
}

} // namespace vivarium::softcpu
