#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/xsave_area.h"

#include <Zydis/Zydis.h>

#include <cstring>

// Vector instructions whose memory accesses depend on a mask or on vector indices: element by
// element, because what the mask leaves out must not fault.
namespace vivarium::softcpu {

void checkVectorUnit(Engine& e);

namespace {

struct Vector {
    uint8_t bytes[32];
};

Vector vectorOf(Engine& e, unsigned number) {
    Vector value{};
    std::memcpy(value.bytes, vectorLow(e.state, number), 16);
    if (xsaveComponent(2).sizeBytes != 0)
        std::memcpy(value.bytes + 16, vectorHigh(e.state, number), 16);
    return value;
}

void setVector(Engine& e, unsigned number, const Vector& value) {
    std::memcpy(vectorLow(e.state, number), value.bytes, 16);
    uint64_t components = 2;
    if (xsaveComponent(2).sizeBytes != 0) {
        std::memcpy(vectorHigh(e.state, number), value.bytes + 16, 16);
        components |= kXcr0Avx;
    }
    uint8_t* inUse = e.state.xsave + kXstateBv;
    storeLe<uint64_t>(inUse, loadLe<uint64_t>(inUse) | components);
}

// Register numbers of operands that are not general registers are the vector's.
unsigned vectorNumber(const Engine& e, unsigned index) {
    return e.operand(index).reg & 15;
}

bool selected(const Vector& mask, unsigned element, unsigned elementBytes) {
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
    const Vector mask = vectorOf(e, vectorNumber(e, 1));
    const uint64_t base = e.effectiveOffset();
    if (store) {
        const Vector value = vectorOf(e, vectorNumber(e, 2));
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
    Vector value{};
    for (unsigned i = 0; i < elements; ++i)
        if (selected(mask, i, elementBytes))
            e.loadBytes(elementLinear(e, base + i * elementBytes, elementBytes, AccessKind::Read),
                        value.bytes + i * elementBytes, elementBytes, dataTlbMode(e.state));
    setVector(e, vectorNumber(e, 0), value);
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

// VGATHER and VPGATHER with a vector mask (AVX2): destination, memory, mask.
template <unsigned indexBytes, unsigned elementBytes>
void gather(Engine& e) {
    checkVectorUnit(e);
    Engine::requireDefined(e.instruction->encoding == Encoding::Vex);
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
    const Vector indices = vectorOf(e, indexNumber);
    Vector value = vectorOf(e, target), mask = vectorOf(e, maskNumber);
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
    setVector(e, target, value);
    setVector(e, maskNumber, Vector{});
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
}

} // namespace vivarium::softcpu
