#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/masked_operand.h"
#include "vmm/softcpu/interpreter/wide_vectors.h"

#include <Zydis/Zydis.h>

#include <bit>
#include <cstring>

// Vector instructions whose memory accesses depend on a mask or on vector indices: element by
// element, because what the mask leaves out must not fault.
namespace vivarium::softcpu {

void checkVectorUnit(Engine& e);

namespace {

// Register numbers of operands that are not general registers are the vector's.
unsigned vectorNumber(const Engine& e, unsigned index) {
    return e.operand(index).reg & 31;
}

bool selected(const WideVector& mask, unsigned element, unsigned elementBytes) {
    return mask.bytes[element * elementBytes + elementBytes - 1] & 0x80;
}

uint64_t elementLinear(Engine& e, uint64_t offset, unsigned bytes, AccessKind kind) {
    return e.linear(e.instruction->memory.segment, offset & accessMask(e.instruction->addressBytes),
                    bytes, kind);
}

// VMASKMOVPS/PD, VPMASKMOVD/Q
template <unsigned elementBytes>
void maskedMove(Engine& e) {
    checkVectorUnit(e);
    const bool store = e.isMemory(0);
    const unsigned elements = e.size(store ? 0 : 2) / elementBytes;
    const WideVector mask = wideVector(e.state, vectorNumber(e, 1));
    const uint64_t base = e.effectiveOffset();
    if (store) {
        const WideVector value = wideVector(e.state, vectorNumber(e, 2));
        for (unsigned pass = 0; pass < 2; ++pass) // first all faults, then all writes
            for (unsigned i = 0; i < elements; ++i) {
                if (!selected(mask, i, elementBytes))
                    continue;
                const uint64_t address =
                    elementLinear(e, base + i * elementBytes, elementBytes, AccessKind::Write);
                if (pass == 0)
                    Engine::throwFault(
                        e.mmu.probeWrite(address, elementBytes, dataTlbMode(e.state)));
                else
                    e.storeBytes(address, value.bytes + i * elementBytes, elementBytes,
                                 dataTlbMode(e.state));
            }
        return;
    }
    WideVector value{};
    for (unsigned i = 0; i < elements; ++i)
        if (selected(mask, i, elementBytes))
            e.loadBytes(elementLinear(e, base + i * elementBytes, elementBytes, AccessKind::Read),
                        value.bytes + i * elementBytes, elementBytes, dataTlbMode(e.state));
    setWideVector(e.state, vectorNumber(e, 0), value);
}

// MASKMOVQ and (V)MASKMOVDQU: bytes at rDI.
template <bool mmx>
void maskedBytes(Engine& e) {
    checkVectorUnit(e);
    const unsigned count = mmx ? 8 : 16;
    const unsigned segment =
        e.instruction->segmentOverride == kNoRegister ? kDs : e.instruction->segmentOverride;
    const auto source = [&](unsigned index) {
        const unsigned number = e.operand(index).reg;
        return mmx ? e.state.xsave + kSt0 + (number & 7) * 16 : vectorLow(e.state, number & 15);
    };
    const uint8_t* value = source(0);
    const uint8_t* mask = source(1);
    const uint64_t base = e.gpr(kRdi, e.instruction->addressBytes);
    for (unsigned i = 0; i < count; ++i)
        if (mask[i] & 0x80)
            e.writeMemory(segment, (base + i) & accessMask(e.instruction->addressBytes), 1,
                          value[i]);
}

uint64_t bitsOf(unsigned count) {
    return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// The addresses of VSIB elements under an opmask.
template <unsigned indexBytes, unsigned elementBytes>
class IndexedElements {
public:
    explicit IndexedElements(Engine& e)
        : m_engine(e), m_indices(wideVector(e.state, e.instruction->memory.index & 31)),
          // The base with displacement; effectiveOffset() leaves a vector index out.
          m_base(e.effectiveOffset()) {
        constexpr unsigned kLarger = indexBytes > elementBytes ? indexBytes : elementBytes;
        const unsigned length = e.instruction->bytes[e.instruction->prefixCount + 3] >> 5 & 3;
        m_count = (16u << length) / kLarger; // EVEX.L'L
        // Intel SDM 2C: an opmask must be named, which is not k0.
        Engine::requireDefined(e.instruction->maskRegister != 0);
    }
    unsigned count() const { return m_count; }
    // Calls visit(element) for each that the mask selects, in order. Each that is through has its
    // bit cleared: after a fault the rest is done (Intel SDM 2C, VPGATHERDD).
    template <class Visit>
    void forEach(Visit visit) {
        const unsigned reg = m_engine.instruction->maskRegister;
        uint64_t mask = opmask(m_engine.state, reg) & bitsOf(m_count);
        while (mask != 0) {
            visit(static_cast<unsigned>(std::countr_zero(mask)));
            mask &= mask - 1;
            setOpmask(m_engine.state, reg, mask);
        }
        setOpmask(m_engine.state, reg, 0);
    }
    uint64_t linear(unsigned element, AccessKind kind) {
        const uint8_t* at = m_indices.bytes + element * indexBytes;
        const int64_t index = indexBytes == 4 ? loadLe<int32_t>(at) : loadLe<int64_t>(at);
        const uint64_t offset =
            m_base + static_cast<uint64_t>(index) * m_engine.instruction->memory.scale;
        return elementLinear(m_engine, offset, elementBytes, kind);
    }

private:
    Engine& m_engine;
    WideVector m_indices;
    uint64_t m_base;
    unsigned m_count = 0;
};

template <unsigned indexBytes, unsigned elementBytes>
void gatherByOpmask(Engine& e) {
    const unsigned target = vectorNumber(e, 0);
    Engine::requireDefined(target != (e.instruction->memory.index & 31u));
    IndexedElements<indexBytes, elementBytes> elements(e);
    WideVector value = wideVector(e.state, target);
    elements.forEach([&](unsigned i) {
        e.loadBytes(elements.linear(i, AccessKind::Read), value.bytes + i * elementBytes,
                    elementBytes, dataTlbMode(e.state));
        setWideVector(e.state, target, value);
    });
    const unsigned usedBytes = elements.count() * elementBytes;
    std::memset(value.bytes + usedBytes, 0, sizeof value.bytes - usedBytes);
    setWideVector(e.state, target, value);
}

// VSCATTER and VPSCATTER: memory, mask, source. Where elements overlap, the last one stays.
template <unsigned indexBytes, unsigned elementBytes>
void scatter(Engine& e) {
    checkVectorUnit(e);
    IndexedElements<indexBytes, elementBytes> elements(e);
    const WideVector value = wideVector(e.state, vectorNumber(e, 2));
    elements.forEach([&](unsigned i) {
        e.storeBytes(elements.linear(i, AccessKind::Write), value.bytes + i * elementBytes,
                     elementBytes, dataTlbMode(e.state));
    });
}

// VGATHER and VPGATHER with a vector mask (AVX2): destination, memory, mask.
template <unsigned indexBytes, unsigned elementBytes>
void gather(Engine& e) {
    checkVectorUnit(e);
    if (e.instruction->encoding == Encoding::Evex)
        return gatherByOpmask<indexBytes, elementBytes>(e);
    const unsigned target = vectorNumber(e, 0), maskNumber = vectorNumber(e, 2);
    const unsigned indexNumber = e.instruction->memory.index & 15;
    // Intel SDM 2C: all three registers must differ.
    Engine::requireDefined(target != maskNumber && target != indexNumber &&
                           maskNumber != indexNumber);
    const MemoryOperand& memory = e.instruction->memory;
    const bool wide = (e.instruction->bytes[e.instruction->prefixCount + 2] & 4) != 0; // VEX.L
    const unsigned vectorBytes = wide ? 32 : 16;
    const unsigned larger = indexBytes > elementBytes ? indexBytes : elementBytes;
    const unsigned elements = vectorBytes / larger;
    const WideVector indices = wideVector(e.state, indexNumber);
    WideVector value = wideVector(e.state, target), mask = wideVector(e.state, maskNumber);
    // The base with displacement; effectiveOffset() leaves a vector index out.
    const uint64_t base = e.effectiveOffset();
    for (unsigned i = 0; i < elements; ++i) {
        if (!selected(mask, i, elementBytes))
            continue;
        const int64_t index = indexBytes == 4 ? loadLe<int32_t>(indices.bytes + i * 4)
                                              : loadLe<int64_t>(indices.bytes + i * 8);
        const uint64_t offset = base + static_cast<uint64_t>(index) * memory.scale;
        e.loadBytes(elementLinear(e, offset, elementBytes, AccessKind::Read),
                    value.bytes + i * elementBytes, elementBytes, dataTlbMode(e.state));
    }
    const unsigned usedBytes = elements * elementBytes;
    std::memset(value.bytes + usedBytes, 0, sizeof value.bytes - usedBytes);
    setWideVector(e.state, target, value);
    setWideVector(e.state, maskNumber, WideVector{});
}

} // namespace

void addSimdMemory(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_VMASKMOVPS] = table[ZYDIS_MNEMONIC_VPMASKMOVD] = maskedMove<4>;
    table[ZYDIS_MNEMONIC_VMASKMOVPD] = table[ZYDIS_MNEMONIC_VPMASKMOVQ] = maskedMove<8>;
    table[ZYDIS_MNEMONIC_MASKMOVQ] = maskedBytes<true>;
    table[ZYDIS_MNEMONIC_MASKMOVDQU] = table[ZYDIS_MNEMONIC_VMASKMOVDQU] = maskedBytes<false>;
    table[ZYDIS_MNEMONIC_VGATHERDPS] = table[ZYDIS_MNEMONIC_VPGATHERDD] = gather<4, 4>;
    table[ZYDIS_MNEMONIC_VGATHERDPD] = table[ZYDIS_MNEMONIC_VPGATHERDQ] = gather<4, 8>;
    table[ZYDIS_MNEMONIC_VGATHERQPS] = table[ZYDIS_MNEMONIC_VPGATHERQD] = gather<8, 4>;
    table[ZYDIS_MNEMONIC_VGATHERQPD] = table[ZYDIS_MNEMONIC_VPGATHERQQ] = gather<8, 8>;
    table[ZYDIS_MNEMONIC_VSCATTERDPS] = table[ZYDIS_MNEMONIC_VPSCATTERDD] = scatter<4, 4>;
    table[ZYDIS_MNEMONIC_VSCATTERDPD] = table[ZYDIS_MNEMONIC_VPSCATTERDQ] = scatter<4, 8>;
    table[ZYDIS_MNEMONIC_VSCATTERQPS] = table[ZYDIS_MNEMONIC_VPSCATTERQD] = scatter<8, 4>;
    table[ZYDIS_MNEMONIC_VSCATTERQPD] = table[ZYDIS_MNEMONIC_VPSCATTERQQ] = scatter<8, 8>;
}

// --- Operands under an opmask, for the native unit

namespace {

// What of the operand is accessed, a bit for each element.
uint64_t accessedElements(Engine& e) {
    const MaskedMemory& masked = e.instruction->masked;
    const uint64_t mask = opmask(e.state, e.instruction->maskRegister) & bitsOf(masked.maskBits);
    switch (masked.masking) {
    case Masking::Compressed:
        return bitsOf(static_cast<unsigned>(std::popcount(mask)));
    case Masking::Whole:
        return mask != 0 ? 1 : 0;
    default:
        return mask;
    }
}

} // namespace

MaskedOperand::MaskedOperand(Engine& e, AccessKind kind) : m_engine(e) {
    const unsigned bytes = e.instruction->masked.elementBytes;
    const uint64_t accessed = accessedElements(e);
    const uint64_t base = e.effectiveOffset();
    for (unsigned first = 0; first < 64;) {
        if (!(accessed >> first & 1)) {
            ++first;
            continue;
        }
        const auto count = static_cast<unsigned>(std::countr_one(accessed >> first));
        const uint64_t linear = elementLinear(e, base + first * bytes, count * bytes, kind);
        m_runs[m_count++] = {linear, first * bytes, count * bytes};
        first += count;
    }
}

void MaskedOperand::load(uint8_t* operand) {
    for (unsigned i = 0; i < m_count; ++i)
        m_engine.loadBytes(m_runs[i].linear, operand + m_runs[i].offset, m_runs[i].bytes,
                           dataTlbMode(m_engine.state));
}

void MaskedOperand::probeWrite() {
    for (unsigned i = 0; i < m_count; ++i)
        Engine::throwFault(m_engine.mmu.probeWrite(m_runs[i].linear, m_runs[i].bytes,
                                                   dataTlbMode(m_engine.state)));
}

void MaskedOperand::store(const uint8_t* operand) {
    for (unsigned i = 0; i < m_count; ++i)
        m_engine.storeBytes(m_runs[i].linear, operand + m_runs[i].offset, m_runs[i].bytes,
                            dataTlbMode(m_engine.state));
}

} // namespace vivarium::softcpu
