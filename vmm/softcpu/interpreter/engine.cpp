#include "vmm/softcpu/interpreter/engine.h"

#include <algorithm>
#include <cstring>

namespace vivarium::softcpu {
namespace {

constexpr uint64_t kDr6Fixed = 0xFFFF0FF0; // bits that read as one
constexpr uint64_t kDr6SingleStep = 1 << 14;
constexpr unsigned kMaxDeliveries = 16;
constexpr uint64_t kDr7GeneralDetect = 1 << 13;

// Intel SDM 3A, table 6-4.
bool contributory(uint8_t vector) {
    return vector == kDivideError || (vector >= kInvalidTss && vector <= kGeneralProtection);
}

bool makesDoubleFault(uint8_t first, uint8_t second) {
    if (first == kPageFaultVector)
        return second == kPageFaultVector || contributory(second);
    return contributory(first) && contributory(second);
}

} // namespace

Engine::Engine(CpuState& cpuState, SoftMmu& softMmu, CpuBus& cpuBus, CpuPlatform& cpuPlatform,
               NativeUnit& nativeUnit)
    : state(cpuState), mmu(softMmu), bus(cpuBus), platform(cpuPlatform), native(nativeUnit),
      features(cpuPlatform), m_cache(kCacheEntries) {}

void Engine::saveCheckpoint() {
    std::memcpy(m_checkpoint.gpr, state.gpr, sizeof state.gpr);
    m_checkpoint.rip = state.rip;
    m_checkpoint.rflags = state.rflags;
    std::copy(std::begin(state.segment), std::end(state.segment), m_checkpoint.segment);
    m_checkpoint.ldtr = state.ldtr;
    m_checkpoint.tr = state.tr;
    m_checkpoint.modeKey = state.modeKey;
}

void Engine::restoreCheckpoint() {
    std::memcpy(state.gpr, m_checkpoint.gpr, sizeof state.gpr);
    state.rip = m_checkpoint.rip;
    state.rflags = m_checkpoint.rflags;
    std::copy(std::begin(m_checkpoint.segment), std::end(m_checkpoint.segment), state.segment);
    state.ldtr = m_checkpoint.ldtr;
    state.tr = m_checkpoint.tr;
    state.modeKey = m_checkpoint.modeKey;
}

StepResult Engine::step() {
    saveCheckpoint();
    outcome = StepResult::Executed;
    repeating = shadowNext = suppressTrap = false;
    externalBit = stackErrorCode = 0;
    const bool singleStep = state.rflags & kFlagTf;
    try {
        if (state.modeKey & mode::kBreakpoints)
            checkInstructionBreakpoint();
        instruction = &fetch();
        state.rflags &= ~kFlagRf; // Intel SDM 3B, 17.3.1.1: suppresses one instruction
        m_handler(*this);
        if (!repeating)
            state.rip = nextRip;
    } catch (const GuestException& exception) {
        restoreCheckpoint();
        state.pendingDebug = 0; // the instruction runs again
        return deliver({.kind = EventKind::Exception,
                        .vector = exception.vector,
                        .errorCode = exception.errorCode},
                       exception.faultAddress, exception.debugStatus);
    }
    finishInstruction(singleStep);
    return outcome;
}

// Traps at the end of an instruction, in one #DB (Intel SDM 3A, 6.9).
void Engine::finishInstruction(bool singleStep) {
    if (!shadowNext)
        state.interruptShadow = 0;
    if (singleStep && !suppressTrap)
        state.pendingDebug |= kDr6SingleStep;
    if (state.pendingDebug != 0 && !(state.interruptShadow & kShadowMovSs)) {
        const uint64_t status = state.pendingDebug;
        state.pendingDebug = 0;
        const StepResult result =
            deliver({.kind = EventKind::Exception, .vector = kDebugException}, 0, status);
        if (result == StepResult::Shutdown)
            outcome = result;
        else if (outcome == StepResult::Halted || outcome == StepResult::Executed)
            outcome = StepResult::Faulted;
        return;
    }
    if (state.interruptWindowWanted && interruptible(state))
        state.attention.fetch_or(kAttentionInterrupt);
}

StepResult Engine::deliver(Event event, uint64_t faultAddress, uint64_t debugStatus) {
    if (state.activity == Activity::Halted)
        state.activity = Activity::Running;
    // Faults that make no double fault can follow each other for ever (alignment checks of a
    // handler's stack): a processor hangs. Here the instruction runs again, so that a vCPU can be
    // called away.
    for (unsigned tries = 0; tries < kMaxDeliveries; ++tries) {
        if (event.kind == EventKind::Exception && event.vector == kPageFaultVector)
            state.cr2 = faultAddress;
        if (event.kind == EventKind::Exception && event.vector == kDebugException) {
            state.dr[6] = (state.dr[6] & ~uint64_t{0xF}) | debugStatus | kDr6Fixed;
            state.dr[7] &= ~kDr7GeneralDetect;
            modeChanged();
        }
        externalBit =
            event.kind == EventKind::Software || event.kind == EventKind::SoftException ? 0 : 1;
        stackErrorCode = externalBit;
        saveCheckpoint();
        try {
            enterEvent(event, state.rip);
            state.rip = nextRip;
            state.interruptShadow = 0;
            return StepResult::Faulted;
        } catch (const GuestException& next) {
            restoreCheckpoint();
            if (event.kind == EventKind::Exception && event.vector == kDoubleFault)
                return shutDown();
            if (event.kind == EventKind::Exception && makesDoubleFault(event.vector, next.vector)) {
                event = {.kind = EventKind::Exception, .vector = kDoubleFault, .errorCode = 0};
                continue;
            }
            event = {
                .kind = EventKind::Exception, .vector = next.vector, .errorCode = next.errorCode};
            faultAddress = next.faultAddress;
            debugStatus = next.debugStatus;
        }
    }
    return StepResult::Faulted;
}

StepResult Engine::shutDown() {
    state.activity = Activity::Shutdown;
    return StepResult::Shutdown;
}

void Engine::checkLimitOfFetch(uint64_t offset, unsigned sizeBytes) {
    if (offset + sizeBytes - 1 > state.segment[kCs].limit)
        raise(kGeneralProtection, 0);
}

const Instruction& Engine::fetch() {
    const uint32_t codeSize = state.modeKey & mode::kCodeSize;
    const bool bits64 = codeSize == mode::kCode64;
    uint64_t address = state.rip;
    if (bits64) {
        if (static_cast<int64_t>(address << 16) >> 16 != static_cast<int64_t>(address))
            raise(kGeneralProtection, 0);
    } else {
        checkLimitOfFetch(address, 1);
        address = (address + state.segment[kCs].base) & 0xFFFFFFFF;
    }
    const TlbMode fetchMode = cpl(state) == 3 ? TlbMode::User : TlbMode::Supervisor;
    const auto inPage = static_cast<unsigned>(4096 - address % 4096);
    const SoftMmu::Place place = mmu.place(address, AccessKind::Execute, fetchMode);
    throwFault(place.fault);

    // Keyed by address and proved by comparing the bytes: nothing needs to be invalidated.
    CachedInstruction& cached = m_cache[(address ^ (address >> 11)) % kCacheEntries];
    const bool hit = place.host != nullptr && cached.rip == address &&
                     cached.decoded.codeSize == codeSize && cached.decoded.length <= inPage &&
                     std::memcmp(place.host, cached.decoded.bytes, cached.decoded.length) == 0;
    if (!hit) {
        uint8_t bytes[Instruction::kMaxBytes];
        unsigned available = std::min(Instruction::kMaxBytes, inPage);
        throwFault(mmu.fetch(address, bytes, available, fetchMode));
        DecodeStatus status = decode({bytes, available}, codeSize, cached.decoded);
        if (status == DecodeStatus::NeedMore && available < Instruction::kMaxBytes) {
            uint64_t next = address + available;
            if (!bits64)
                next &= 0xFFFFFFFF;
            // The page is only touched when the code segment reaches that far.
            if (!bits64)
                checkLimitOfFetch(state.rip, available + 1);
            throwFault(
                mmu.fetch(next, bytes + available, Instruction::kMaxBytes - available, fetchMode));
            available = Instruction::kMaxBytes;
            status = decode({bytes, available}, codeSize, cached.decoded);
        }
        cached.rip = ~uint64_t{0};
        if (status == DecodeStatus::TooLong)
            raise(kGeneralProtection, 0);
        if (status != DecodeStatus::Ok)
            raise(kInvalidOpcode);
        cached.handler = handlerTable()[cached.decoded.mnemonic];
        if (cached.handler == nullptr && isNativeInstruction(cached.decoded))
            cached.handler = executeNative;
        if (!features.hasIsaSet(cached.decoded.isaSet))
            cached.handler = nullptr;
        cached.rip = address;
    }
    if (!bits64)
        checkLimitOfFetch(state.rip, cached.decoded.length);
    if (cached.handler == nullptr)
        raise(kInvalidOpcode);
    nextRip = state.rip + cached.decoded.length;
    if (codeSize == mode::kCode32)
        nextRip &= 0xFFFFFFFF;
    m_handler = cached.handler;
    return cached.decoded;
}

void Engine::setGpr(unsigned reg, unsigned sizeBytes, uint64_t value) {
    uint64_t& full = state.gpr[reg];
    if (sizeBytes >= 4) // 32-bit results clear the upper half (Intel SDM 1, 3.4.1.1)
        full = value & accessMask(sizeBytes);
    else
        full = (full & ~accessMask(sizeBytes)) | (value & accessMask(sizeBytes));
}

uint64_t Engine::read(unsigned index) {
    const Operand& from = operand(index);
    switch (from.kind) {
    case OperandKind::Gpr:
        return gpr(from.reg, from.sizeBytes);
    case OperandKind::GprHigh:
        return (state.gpr[from.reg] >> 8) & 0xFF;
    case OperandKind::Segment:
        return state.segment[from.reg].selector;
    case OperandKind::Immediate:
        return static_cast<uint64_t>(from.immediate) & accessMask(size(0));
    case OperandKind::Memory:
        return load(operandLinear(from.sizeBytes, AccessKind::Read), from.sizeBytes);
    case OperandKind::None:
    case OperandKind::Control:
    case OperandKind::Debug:
    case OperandKind::FarPointer:
    case OperandKind::Other:
        break;
    }
    raise(kInvalidOpcode);
}

int64_t Engine::readSigned(unsigned index) {
    if (operand(index).kind == OperandKind::Immediate)
        return operand(index).immediate;
    const unsigned unused = 64 - 8 * size(index);
    return static_cast<int64_t>(read(index) << unused) >> unused;
}

void Engine::write(unsigned index, uint64_t value) {
    const Operand& to = operand(index);
    switch (to.kind) {
    case OperandKind::Gpr:
        setGpr(to.reg, to.sizeBytes, value);
        return;
    case OperandKind::GprHigh:
        state.gpr[to.reg] = (state.gpr[to.reg] & ~uint64_t{0xFF00}) | ((value & 0xFF) << 8);
        return;
    case OperandKind::Memory:
        store(operandLinear(to.sizeBytes, AccessKind::Write), to.sizeBytes, value);
        return;
    case OperandKind::None:
    case OperandKind::Segment:
    case OperandKind::Immediate:
    case OperandKind::Control:
    case OperandKind::Debug:
    case OperandKind::FarPointer:
    case OperandKind::Other:
        break;
    }
    raise(kInvalidOpcode);
}

bool Engine::condition(unsigned code) const {
    const uint64_t value = state.rflags;
    bool holds = false;
    switch (code >> 1) {
    case 0:
        holds = value & kFlagOf;
        break;
    case 1:
        holds = value & kFlagCf;
        break;
    case 2:
        holds = value & kFlagZf;
        break;
    case 3:
        holds = value & (kFlagCf | kFlagZf);
        break;
    case 4:
        holds = value & kFlagSf;
        break;
    case 5:
        holds = value & kFlagPf;
        break;
    case 6:
        holds = !(value & kFlagSf) != !(value & kFlagOf);
        break;
    default:
        holds = (value & kFlagZf) || !(value & kFlagSf) != !(value & kFlagOf);
    }
    return holds != ((code & 1) != 0);
}

void Engine::jumpTo(uint64_t target, unsigned operandBytes) {
    if (is64()) {
        // Near branches are 64-bit here (Intel SDM 1, 6.2.1); a 66h prefix changes nothing.
        if (static_cast<int64_t>(target << 16) >> 16 != static_cast<int64_t>(target))
            raise(kGeneralProtection, 0);
        nextRip = target;
        return;
    }
    target &= accessMask(operandBytes);
    if (target > state.segment[kCs].limit)
        raise(kGeneralProtection, 0);
    nextRip = target;
}

void Engine::setFlags(uint64_t value, uint64_t mask) {
    state.rflags = (state.rflags & ~mask) | (value & mask) | kFlagFixed;
    modeChanged();
}

bool Engine::shouldPauseRepeat() const {
    return state.attention.load(std::memory_order_relaxed) != 0 || state.pendingDebug != 0 ||
           (state.rflags & kFlagTf) != 0;
}

const HandlerTable& handlerTable() {
    static const HandlerTable kTable = [] {
        HandlerTable table{};
        addDataMovement(table);
        addArithmetic(table);
        addShifts(table);
        addBitOperations(table);
        addMultiplyDivide(table);
        addDecimal(table);
        addStrings(table);
        addStackInstructions(table);
        addControlTransfer(table);
        addSegmentInstructions(table);
        addInputOutput(table);
        addSystem(table);
        addSystemCalls(table);
        addModelSpecific(table);
        addExtendedState(table);
        addSimdMemory(table);
        return table;
    }();
    return kTable;
}

} // namespace vivarium::softcpu
