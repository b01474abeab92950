#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {

void moveControlRegister(Engine& e);
void moveDebugRegister(Engine& e);

namespace {

void mov(Engine& e) {
    const OperandKind to = e.operand(0).kind, from = e.operand(1).kind;
    if (to == OperandKind::Control || from == OperandKind::Control)
        return moveControlRegister(e);
    if (to == OperandKind::Debug || from == OperandKind::Debug)
        return moveDebugRegister(e);
    if (to == OperandKind::Segment) {
        const unsigned segment = e.operand(0).reg;
        Engine::requireDefined(segment != kCs);
        e.loadSegment(segment, static_cast<uint16_t>(e.read(1)));
        if (segment == kSs) {
            e.state.interruptShadow = kShadowMovSs;
            e.shadowNext = true;
        }
        return;
    }
    e.write(0, e.read(1));
}

void movzx(Engine& e) {
    e.write(0, e.read(1));
}
void movsx(Engine& e) {
    e.write(0, static_cast<uint64_t>(e.readSigned(1)));
}
void noOperation(Engine&) {}

void lea(Engine& e) {
    e.write(0, e.effectiveOffset());
}

void xchg(Engine& e) {
    // A memory operand makes it atomic, LOCK or not (Intel SDM 3A, 9.1.2.1).
    const unsigned memoryIndex = e.isMemory(1) ? 1 : 0, other = 1 - memoryIndex;
    const uint64_t value = e.read(other);
    if (e.isMemory(memoryIndex)) {
        const uint64_t address = e.operandLinear(e.size(memoryIndex), AccessKind::Write);
        e.write(other, e.modifyMemory(address, e.size(memoryIndex), true,
                                      [value](uint64_t) { return value; }));
        return;
    }
    e.write(other, e.read(memoryIndex));
    e.write(memoryIndex, value);
}

void bswap(Engine& e) {
    const unsigned bytes = e.size(0);
    const uint64_t value = e.read(0);
    if (bytes == 8)
        e.write(0, __builtin_bswap64(value));
    else if (bytes == 4)
        e.write(0, __builtin_bswap32(static_cast<uint32_t>(value)));
    else
        e.write(0, 0); // undefined; processors clear the word
}

void movbe(Engine& e) {
    e.write(0, __builtin_bswap64(e.read(1)) >> (64 - 8 * e.size(0)));
}

void cmov(Engine& e) {
    const uint64_t value = e.read(1); // also when the condition is false
    e.write(0, e.condition(e.instruction->opcode & 15) ? value : e.read(0));
}

void setcc(Engine& e) {
    e.write(0, e.condition(e.instruction->opcode & 15) ? 1 : 0);
}

// CBW, CWDE, CDQE and CWD, CDQ, CQO
void extendAccumulator(Engine& e) {
    const unsigned to = e.instruction->operandBytes, from = to / 2, unused = 64 - 8 * from;
    const auto value = static_cast<int64_t>(e.state.gpr[kRax] << unused) >> unused;
    e.setGpr(kRax, to, static_cast<uint64_t>(value));
}

void extendIntoDx(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes;
    const bool negative = (e.state.gpr[kRax] >> (8 * bytes - 1)) & 1;
    e.setGpr(kRdx, bytes, negative ? ~uint64_t{0} : 0);
}

void xlat(Engine& e) {
    const unsigned segment =
        e.instruction->segmentOverride == kNoRegister ? kDs : e.instruction->segmentOverride;
    const uint64_t offset =
        (e.state.gpr[kRbx] + (e.state.gpr[kRax] & 0xFF)) & accessMask(e.instruction->addressBytes);
    e.setGpr(kRax, 1, e.readMemory(segment, offset, 1));
}

constexpr uint64_t kAhFlags = kFlagCf | kFlagPf | kFlagAf | kFlagZf | kFlagSf;

void lahf(Engine& e) {
    const uint64_t ah = (e.state.rflags & kAhFlags) | kFlagFixed;
    e.state.gpr[kRax] = (e.state.gpr[kRax] & ~uint64_t{0xFF00}) | (ah << 8);
}

void sahf(Engine& e) {
    e.state.rflags = (e.state.rflags & ~kAhFlags) | ((e.state.gpr[kRax] >> 8) & kAhFlags);
}

template <uint64_t mask, bool value>
void assignFlag(Engine& e) {
    e.setFlag(mask, value);
}

void cmc(Engine& e) {
    e.state.rflags ^= kFlagCf;
}

} // namespace

void addDataMovement(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_MOV] = mov;
    table[ZYDIS_MNEMONIC_MOVZX] = movzx;
    table[ZYDIS_MNEMONIC_MOVSX] = table[ZYDIS_MNEMONIC_MOVSXD] = movsx;
    table[ZYDIS_MNEMONIC_MOVNTI] = movzx;
    table[ZYDIS_MNEMONIC_MOVBE] = movbe;
    table[ZYDIS_MNEMONIC_LEA] = lea;
    table[ZYDIS_MNEMONIC_XCHG] = xchg;
    table[ZYDIS_MNEMONIC_BSWAP] = bswap;
    table[ZYDIS_MNEMONIC_XLAT] = xlat;
    table[ZYDIS_MNEMONIC_LAHF] = lahf;
    table[ZYDIS_MNEMONIC_SAHF] = sahf;
    table[ZYDIS_MNEMONIC_CLC] = assignFlag<kFlagCf, false>;
    table[ZYDIS_MNEMONIC_STC] = assignFlag<kFlagCf, true>;
    table[ZYDIS_MNEMONIC_CLD] = assignFlag<kFlagDf, false>;
    table[ZYDIS_MNEMONIC_STD] = assignFlag<kFlagDf, true>;
    table[ZYDIS_MNEMONIC_CMC] = cmc;
    for (const ZydisMnemonic name : {ZYDIS_MNEMONIC_CBW, ZYDIS_MNEMONIC_CWDE, ZYDIS_MNEMONIC_CDQE})
        table[name] = extendAccumulator;
    for (const ZydisMnemonic name : {ZYDIS_MNEMONIC_CWD, ZYDIS_MNEMONIC_CDQ, ZYDIS_MNEMONIC_CQO})
        table[name] = extendIntoDx;
    for (const ZydisMnemonic name :
         {ZYDIS_MNEMONIC_CMOVO, ZYDIS_MNEMONIC_CMOVNO, ZYDIS_MNEMONIC_CMOVB, ZYDIS_MNEMONIC_CMOVNB,
          ZYDIS_MNEMONIC_CMOVZ, ZYDIS_MNEMONIC_CMOVNZ, ZYDIS_MNEMONIC_CMOVBE,
          ZYDIS_MNEMONIC_CMOVNBE, ZYDIS_MNEMONIC_CMOVS, ZYDIS_MNEMONIC_CMOVNS, ZYDIS_MNEMONIC_CMOVP,
          ZYDIS_MNEMONIC_CMOVNP, ZYDIS_MNEMONIC_CMOVL, ZYDIS_MNEMONIC_CMOVNL, ZYDIS_MNEMONIC_CMOVLE,
          ZYDIS_MNEMONIC_CMOVNLE})
        table[name] = cmov;
    for (const ZydisMnemonic name :
         {ZYDIS_MNEMONIC_SETO, ZYDIS_MNEMONIC_SETNO, ZYDIS_MNEMONIC_SETB, ZYDIS_MNEMONIC_SETNB,
          ZYDIS_MNEMONIC_SETZ, ZYDIS_MNEMONIC_SETNZ, ZYDIS_MNEMONIC_SETBE, ZYDIS_MNEMONIC_SETNBE,
          ZYDIS_MNEMONIC_SETS, ZYDIS_MNEMONIC_SETNS, ZYDIS_MNEMONIC_SETP, ZYDIS_MNEMONIC_SETNP,
          ZYDIS_MNEMONIC_SETL, ZYDIS_MNEMONIC_SETNL, ZYDIS_MNEMONIC_SETLE, ZYDIS_MNEMONIC_SETNLE})
        table[name] = setcc;
    for (const ZydisMnemonic name :
         {ZYDIS_MNEMONIC_NOP, ZYDIS_MNEMONIC_PAUSE, ZYDIS_MNEMONIC_PREFETCH,
          ZYDIS_MNEMONIC_PREFETCHW, ZYDIS_MNEMONIC_PREFETCHNTA, ZYDIS_MNEMONIC_PREFETCHT0,
          ZYDIS_MNEMONIC_PREFETCHT1, ZYDIS_MNEMONIC_PREFETCHT2, ZYDIS_MNEMONIC_PREFETCHWT1,
          ZYDIS_MNEMONIC_CLDEMOTE})
        table[name] = noOperation;
    for (const ZydisMnemonic name :
         {ZYDIS_MNEMONIC_MFENCE, ZYDIS_MNEMONIC_LFENCE, ZYDIS_MNEMONIC_SFENCE})
        table[name] = [](Engine&) { __atomic_thread_fence(__ATOMIC_SEQ_CST); };
    for (const ZydisMnemonic name :
         {ZYDIS_MNEMONIC_CLFLUSH, ZYDIS_MNEMONIC_CLFLUSHOPT, ZYDIS_MNEMONIC_CLWB})
        table[name] = [](Engine& e) { // faults like a byte read
            e.load(e.operandLinear(1, AccessKind::Read), 1);
        };
}

} // namespace vivarium::softcpu
