#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/flags.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

namespace vivarium::softcpu {
namespace {

// The registers of a string instruction: what they are is fixed, how much of them counts is not.
class StringWalk {
public:
    explicit StringWalk(Engine& engine)
        : e(engine), bytes(elementBytes(*engine.instruction)),
          addressBytes(engine.instruction->addressBytes),
          sourceSegment(engine.instruction->segmentOverride == kNoRegister
                            ? kDs
                            : engine.instruction->segmentOverride) {}

    uint64_t source() const { return e.gpr(kRsi, addressBytes); }
    uint64_t target() const { return e.gpr(kRdi, addressBytes); }
    uint64_t count() const { return e.gpr(kRcx, addressBytes); }
    bool backward() const { return e.flag(kFlagDf); }
    void move(unsigned reg, uint64_t elements) {
        const uint64_t distance = elements * bytes;
        e.setGpr(reg, addressBytes, e.state.gpr[reg] + (backward() ? 0 - distance : distance));
    }
    void takeCount(uint64_t elements) { e.setGpr(kRcx, addressBytes, count() - elements); }

    Engine& e;
    const unsigned bytes;
    const unsigned addressBytes;
    const unsigned sourceSegment;

private:
    static unsigned elementBytes(const Instruction& instruction) {
        if (!(instruction.opcode & 1))
            return 1;
        // INS and OUTS have no 64-bit form.
        const bool port = instruction.opcode == 0x6D || instruction.opcode == 0x6F;
        return port ? std::min<unsigned>(instruction.operandBytes, 4) : instruction.operandBytes;
    }
};

// Executes `element` once, or RCX times with a prefix. `compares`: ZF may end the repetition.
// Every element is committed: a fault in a later one restarts there (Intel SDM 2B, REP).
template <class Element>
void repeat(Engine& e, bool compares, Element element) {
    StringWalk walk(e);
    const Repeat prefix = e.instruction->repeat;
    if (prefix == Repeat::None) {
        element(walk, uint64_t{1});
        return;
    }
    while (walk.count() != 0) {
        const uint64_t done = element(walk, walk.count());
        walk.takeCount(done);
        const bool ended =
            walk.count() == 0 || (compares && e.flag(kFlagZf) != (prefix == Repeat::Rep));
        if (ended)
            return;
        if (e.shouldPauseRepeat()) {
            e.repeating = true;
            return;
        }
        e.commitProgress();
    }
}

// How many elements from `offset` on lie in one page and below every limit, going up.
uint64_t contiguous(const StringWalk& walk, unsigned segment, uint64_t offset, uint64_t wanted) {
    const SegmentRegister& reg = walk.e.state.segment[segment];
    const bool bits64 = walk.e.is64();
    const uint64_t base = bits64 && segment < kFs ? 0 : reg.base;
    uint64_t room = 4096 - (base + offset) % 4096;
    if (!bits64) {
        if ((reg.attributes & 4) && !(reg.attributes & 8)) // expand-down: one at a time
            return 0;
        const uint64_t last = std::min<uint64_t>(reg.limit, accessMask(walk.addressBytes));
        if (offset > last)
            return 0;
        room = std::min(room, last - offset + 1);
    }
    return std::min(wanted, room / walk.bytes);
}

bool bulkPossible(const StringWalk& walk, uint64_t wanted) {
    return wanted > 1 && !walk.backward() &&
           !(walk.e.state.modeKey & (mode::kBreakpoints | mode::kTrap | mode::kAlignmentCheck));
}

uint8_t* bulkHost(StringWalk& walk, unsigned segment, uint64_t offset, uint64_t elements,
                  AccessKind kind) {
    Engine& e = walk.e;
    const auto length = static_cast<unsigned>(elements * walk.bytes);
    const uint64_t address = e.linear(segment, offset, length, kind);
    const SoftMmu::Place place = e.mmu.place(address, kind, dataTlbMode(e.state));
    Engine::throwFault(place.fault);
    return place.tracked ? nullptr : place.host;
}

// Copies upwards element by element in effect: an overlap repeats the pattern.
void copyUp(uint8_t* to, const uint8_t* from, size_t length, unsigned bytes) {
    if (to <= from || to >= from + length) {
        std::memmove(to, from, length);
        return;
    }
    for (size_t i = 0; i < length; i += bytes) {
        uint64_t element;
        std::memcpy(&element, from + i, bytes);
        std::memcpy(to + i, &element, bytes);
    }
}

uint64_t moveElements(StringWalk& walk, uint64_t wanted) {
    Engine& e = walk.e;
    uint64_t done = 0;
    if (bulkPossible(walk, wanted)) {
        uint64_t n = contiguous(walk, walk.sourceSegment, walk.source(), wanted);
        n = contiguous(walk, kEs, walk.target(), n);
        if (n > 1) {
            const uint8_t* from =
                bulkHost(walk, walk.sourceSegment, walk.source(), n, AccessKind::Read);
            uint8_t* to = from == nullptr
                              ? nullptr
                              : bulkHost(walk, kEs, walk.target(), n, AccessKind::Write);
            if (to != nullptr) {
                copyUp(to, from, n * walk.bytes, walk.bytes);
                done = n;
            }
        }
    }
    if (done == 0) {
        const uint64_t value = e.readMemory(walk.sourceSegment, walk.source(), walk.bytes);
        e.writeMemory(kEs, walk.target(), walk.bytes, value);
        done = 1;
    }
    walk.move(kRsi, done);
    walk.move(kRdi, done);
    return done;
}

uint64_t storeElements(StringWalk& walk, uint64_t wanted) {
    Engine& e = walk.e;
    const uint64_t value = e.state.gpr[kRax];
    uint64_t done = 0;
    if (bulkPossible(walk, wanted)) {
        const uint64_t n = contiguous(walk, kEs, walk.target(), wanted);
        uint8_t* to = n > 1 ? bulkHost(walk, kEs, walk.target(), n, AccessKind::Write) : nullptr;
        if (to != nullptr) {
            if (walk.bytes == 1)
                std::memset(to, static_cast<int>(value & 0xFF), n);
            else
                for (uint64_t i = 0; i < n; ++i)
                    std::memcpy(to + i * walk.bytes, &value, walk.bytes);
            done = n;
        }
    }
    if (done == 0) {
        e.writeMemory(kEs, walk.target(), walk.bytes, value & accessMask(walk.bytes));
        done = 1;
    }
    walk.move(kRdi, done);
    return done;
}

void movs(Engine& e) {
    repeat(e, false, moveElements);
}
void stos(Engine& e) {
    repeat(e, false, storeElements);
}

void lods(Engine& e) {
    repeat(e, false, [](StringWalk& walk, uint64_t) -> uint64_t {
        const uint64_t value = walk.e.readMemory(walk.sourceSegment, walk.source(), walk.bytes);
        walk.e.setGpr(kRax, walk.bytes, value);
        walk.move(kRsi, 1);
        return 1;
    });
}

void cmps(Engine& e) {
    repeat(e, true, [](StringWalk& walk, uint64_t) -> uint64_t {
        const uint64_t a = walk.e.readMemory(walk.sourceSegment, walk.source(), walk.bytes);
        const uint64_t b = walk.e.readMemory(kEs, walk.target(), walk.bytes);
        walk.e.setArithmetic(flags::ofSubtract(a, b, a - b, walk.bytes));
        walk.move(kRsi, 1);
        walk.move(kRdi, 1);
        return 1;
    });
}

void scas(Engine& e) {
    repeat(e, true, [](StringWalk& walk, uint64_t) -> uint64_t {
        const uint64_t a = walk.e.gpr(kRax, walk.bytes);
        const uint64_t b = walk.e.readMemory(kEs, walk.target(), walk.bytes);
        walk.e.setArithmetic(flags::ofSubtract(a, b, a - b, walk.bytes));
        walk.move(kRdi, 1);
        return 1;
    });
}

void ins(Engine& e) {
    repeat(e, false, [](StringWalk& walk, uint64_t) -> uint64_t {
        Engine& engine = walk.e;
        const auto port = static_cast<uint16_t>(engine.state.gpr[kRdx]);
        engine.checkIoPermission(port, walk.bytes);
        const uint64_t address = engine.linear(kEs, walk.target(), walk.bytes, AccessKind::Write);
        // A fault must not cost the device its datum.
        Engine::throwFault(engine.mmu.probeWrite(address, walk.bytes, dataTlbMode(engine.state)));
        engine.noteIoBreakpoint(port, walk.bytes);
        engine.store(address, walk.bytes, engine.bus.in(port, walk.bytes));
        walk.move(kRdi, 1);
        return 1;
    });
}

void outs(Engine& e) {
    repeat(e, false, [](StringWalk& walk, uint64_t) -> uint64_t {
        Engine& engine = walk.e;
        const auto port = static_cast<uint16_t>(engine.state.gpr[kRdx]);
        engine.checkIoPermission(port, walk.bytes);
        const uint64_t value = engine.readMemory(walk.sourceSegment, walk.source(), walk.bytes);
        engine.noteIoBreakpoint(port, walk.bytes);
        engine.bus.out(port, walk.bytes, static_cast<uint32_t>(value));
        walk.move(kRsi, 1);
        return 1;
    });
}

// MOVSD and CMPSD are also the names of SSE instructions.
template <Handler string>
void stringOrSimd(Engine& e) {
    if (isNativeInstruction(*e.instruction))
        executeNative(e);
    else
        string(e);
}

} // namespace

void addStrings(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_MOVSB] = table[ZYDIS_MNEMONIC_MOVSW] = table[ZYDIS_MNEMONIC_MOVSQ] = movs;
    table[ZYDIS_MNEMONIC_MOVSD] = stringOrSimd<movs>;
    table[ZYDIS_MNEMONIC_STOSB] = table[ZYDIS_MNEMONIC_STOSW] = table[ZYDIS_MNEMONIC_STOSD] =
        table[ZYDIS_MNEMONIC_STOSQ] = stos;
    table[ZYDIS_MNEMONIC_LODSB] = table[ZYDIS_MNEMONIC_LODSW] = table[ZYDIS_MNEMONIC_LODSD] =
        table[ZYDIS_MNEMONIC_LODSQ] = lods;
    table[ZYDIS_MNEMONIC_CMPSB] = table[ZYDIS_MNEMONIC_CMPSW] = table[ZYDIS_MNEMONIC_CMPSQ] = cmps;
    table[ZYDIS_MNEMONIC_CMPSD] = stringOrSimd<cmps>;
    table[ZYDIS_MNEMONIC_SCASB] = table[ZYDIS_MNEMONIC_SCASW] = table[ZYDIS_MNEMONIC_SCASD] =
        table[ZYDIS_MNEMONIC_SCASQ] = scas;
    table[ZYDIS_MNEMONIC_INSB] = table[ZYDIS_MNEMONIC_INSW] = table[ZYDIS_MNEMONIC_INSD] = ins;
    table[ZYDIS_MNEMONIC_OUTSB] = table[ZYDIS_MNEMONIC_OUTSW] = table[ZYDIS_MNEMONIC_OUTSD] = outs;
}

} // namespace vivarium::softcpu
