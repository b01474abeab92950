#pragma once

#include "vmm/softcpu/decode/decoder.h"
#include "vmm/softcpu/interpreter/cpu_features.h"
#include "vmm/softcpu/interpreter/interpreter.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace vivarium::softcpu {

class Engine;
using Handler = void (*)(Engine&);

// How an event came about: decides about privilege checks, error codes and RF at delivery.
enum class EventKind {
    External,      // interrupt or NMI
    Exception,     // found by the CPU
    Software,      // INT n
    SoftException, // INT3, INTO
    IceBreakpoint, // INT1
};

struct Event {
    EventKind kind = EventKind::Exception;
    uint8_t vector = 0;
    std::optional<uint32_t> errorCode{};
};

// A segment descriptor as it stands in a table, with where it stands.
struct Descriptor {
    uint64_t raw = 0;
    uint32_t baseHigh = 0; // system descriptors in long mode
    uint64_t address = 0;  // linear
    uint16_t selector = 0;

    uint16_t attributes() const {
        return static_cast<uint16_t>(((raw >> 40) & 0xFF) | (((raw >> 52) & 0xF) << 12));
    }
    unsigned type() const { return (raw >> 40) & 0xF; }
    bool system() const { return !((raw >> 44) & 1); }
    bool isCode() const { return !system() && (type() & 8); }
    bool conforming() const { return type() & 4; }
    unsigned dpl() const { return (raw >> 45) & 3; }
    bool present() const { return (raw >> 47) & 1; }
    bool longCode() const { return (raw >> 53) & 1; }
    bool big() const { return (raw >> 54) & 1; }
    uint64_t base() const {
        return ((raw >> 16) & 0xFFFFFF) | ((raw >> 32) & 0xFF000000) | (uint64_t{baseHigh} << 32);
    }
    uint32_t limit() const {
        const auto limit = static_cast<uint32_t>((raw & 0xFFFF) | ((raw >> 32) & 0xF0000));
        return (raw >> 55) & 1 ? (limit << 12) | 0xFFF : limit;
    }
    SegmentRegister hidden() const {
        return {.base = base(), .limit = limit(), .selector = selector, .attributes = attributes()};
    }
};

// The interpreter's working state for one instruction: operands, memory with segmentation, flags,
// branches, descriptors, event delivery. Handlers (one file a group) work on it and throw
// GuestException for a fault; step() then restores the registers of the instruction's beginning.
class Engine {
public:
    Engine(CpuState& cpuState, SoftMmu& softMmu, CpuBus& cpuBus, CpuPlatform& cpuPlatform,
           NativeUnit& nativeUnit);

    StepResult step();
    StepResult deliver(Event event, uint64_t faultAddress, uint64_t debugStatus);

    CpuState& state;
    SoftMmu& mmu;
    CpuBus& bus;
    CpuPlatform& platform;
    NativeUnit& native;
    CpuFeatures features;

    const Instruction* instruction = nullptr;
    uint64_t nextRip = 0; // after the instruction; handlers of branches overwrite it
    StepResult outcome = StepResult::Executed;
    bool repeating = false;      // RIP stands still: more elements follow
    bool shadowNext = false;     // the handler has set state.interruptShadow
    bool suppressTrap = false;   // no single-step trap: the handler has entered an event
    uint32_t externalBit = 0;    // EXT of selector error codes during event delivery
    uint32_t stackErrorCode = 0; // of #SS while an inner stack is filled

    // --- faults (engine.cpp)
    [[noreturn]] static void raise(uint8_t vector) { throw GuestException{.vector = vector}; }
    [[noreturn]] static void raise(uint8_t vector, uint32_t errorCode) {
        throw GuestException{.vector = vector, .errorCode = errorCode};
    }
    [[noreturn]] void raiseSelector(uint8_t vector, uint16_t selector) const {
        raise(vector, (selector & 0xFFFCu) | externalBit);
    }
    void require(bool condition, uint8_t vector, uint32_t errorCode) const {
        if (!condition)
            raise(vector, errorCode);
    }
    void requirePrivilege0() const { require(cpl(state) == 0, kGeneralProtection, 0); }
    static void requireDefined(bool condition) {
        if (!condition)
            raise(kInvalidOpcode);
    }
    bool realMode() const { return !(state.cr0 & kCr0Pe); }
    bool vm86() const { return (state.modeKey & mode::kVm86) != 0; }
    bool is64() const { return code64(state); }

    // --- registers
    uint64_t gpr(unsigned reg, unsigned sizeBytes) const {
        return state.gpr[reg] & accessMask(sizeBytes);
    }
    void setGpr(unsigned reg, unsigned sizeBytes, uint64_t value);

    // --- memory (memory_access.cpp); `segment` 0..5
    uint64_t linear(unsigned segment, uint64_t offset, unsigned sizeBytes, AccessKind kind);
    uint64_t effectiveOffset() const; // of the memory operand, cut to its address size
    uint64_t operandLinear(unsigned sizeBytes, AccessKind kind);
    uint64_t load(uint64_t linearAddress, unsigned sizeBytes);
    void store(uint64_t linearAddress, unsigned sizeBytes, uint64_t value);
    void loadBytes(uint64_t linearAddress, void* out, unsigned sizeBytes, TlbMode tlbMode);
    void storeBytes(uint64_t linearAddress, const void* in, unsigned sizeBytes, TlbMode tlbMode);
    uint64_t loadSystem(uint64_t linearAddress, unsigned sizeBytes); // implicit supervisor access
    void storeSystem(uint64_t linearAddress, unsigned sizeBytes, uint64_t value);
    uint64_t readMemory(unsigned segment, uint64_t offset, unsigned sizeBytes) {
        return load(linear(segment, offset, sizeBytes, AccessKind::Read), sizeBytes);
    }
    void writeMemory(unsigned segment, uint64_t offset, unsigned sizeBytes, uint64_t value) {
        store(linear(segment, offset, sizeBytes, AccessKind::Write), sizeBytes, value);
    }
    static void throwFault(const std::optional<PageFault>& fault) {
        if (fault)
            throw toException(*fault);
    }

    // --- operands
    const Operand& operand(unsigned index) const { return instruction->operand[index]; }
    unsigned size(unsigned index = 0) const { return instruction->operand[index].sizeBytes; }
    uint64_t read(unsigned index); // zero-extended; immediates cut to operand 0's size
    int64_t readSigned(unsigned index);
    void write(unsigned index, uint64_t value);
    bool isMemory(unsigned index) const { return operand(index).kind == OperandKind::Memory; }
    // Reads operand `index`, writes `change(old)`; atomically with LOCK. `change` may run again
    // with a newer value. Returns the old value.
    template <class Change>
    uint64_t modify(unsigned index, Change change) {
        if (!isMemory(index)) {
            const uint64_t old = read(index);
            write(index, change(old));
            return old;
        }
        return modifyMemory(operandLinear(size(index), AccessKind::Write), size(index),
                            instruction->lock, change);
    }
    template <class Change>
    uint64_t modifyMemory(uint64_t linearAddress, unsigned sizeBytes, bool atomically,
                          Change change);
    template <class Change>
    bool modifyAcrossPages(uint64_t linearAddress, unsigned sizeBytes, uint64_t& old,
                           Change change);

    // --- flags (flags.h computes them)
    bool flag(uint64_t mask) const { return (state.rflags & mask) != 0; }
    void setFlag(uint64_t mask, bool value) {
        state.rflags = value ? state.rflags | mask : state.rflags & ~mask;
    }
    void setArithmetic(uint64_t flags) {
        state.rflags = (state.rflags & ~kArithmeticFlags) | (flags & kArithmeticFlags);
    }
    bool condition(unsigned code) const; // 0..15 as in Jcc

    // --- stack (stack.cpp)
    unsigned stackAddressBytes() const;
    void push(uint64_t value, unsigned sizeBytes);
    uint64_t pop(unsigned sizeBytes);
    uint64_t peek(uint64_t offset, unsigned sizeBytes); // bytes above the top
    void releaseStack(uint64_t bytes);
    void setStackPointer(uint64_t value) { setGpr(kRsp, stackAddressBytes(), value); }

    // --- branches
    void jumpTo(uint64_t target, unsigned operandBytes); // near, with limit or canonical check

    // --- segmentation (segments.cpp)
    Descriptor descriptor(uint16_t selector, uint8_t faultVector); // GDT or LDT, selector not null
    std::optional<Descriptor> findDescriptor(uint16_t selector);   // nullopt: beyond the limit
    void readUpperHalf(Descriptor& descriptor, uint8_t faultVector); // 16-byte system descriptors
    void setAccessed(Descriptor& descriptor);
    void loadSegment(unsigned segment, uint16_t selector);
    void loadStackSegment(uint16_t selector, unsigned newCpl, uint8_t faultVector);
    void loadRealSegment(unsigned segment, uint16_t selector);
    void setNullSegment(unsigned segment, uint16_t selector);
    void setCodeSegment(const Descriptor& descriptor, unsigned newCpl);
    void setNullStackSegment(unsigned newCpl, uint16_t selector);
    void setFlatCode(uint16_t selector, unsigned newCpl, bool bits64,
                     bool bits32); // SYSCALL family
    void setFlatStack(uint16_t selector, unsigned newCpl);
    void setCpl(unsigned newCpl);
    void dropInaccessibleSegments(); // at a return to an outer level
    void loadLdt(uint16_t selector);
    void loadTaskRegister(uint16_t selector);

    // --- far transfers (far_transfer.cpp), event delivery (events.cpp), tasks (task_switch.cpp)
    void farJump(uint16_t selector, uint64_t offset, unsigned operandBytes);
    void farCall(uint16_t selector, uint64_t offset, unsigned operandBytes);
    void farReturn(unsigned operandBytes, uint16_t extraBytes);
    void interruptReturn(unsigned operandBytes);
    void enterEvent(const Event& event, uint64_t returnRip);
    struct InnerStack {
        uint16_t selector;
        uint64_t pointer;
    };
    InnerStack innerStack(unsigned level);
    enum class TaskSwitch { Jump, Call, Event, Return };
    void switchTask(uint16_t selector, TaskSwitch cause, uint64_t returnRip,
                    std::optional<uint32_t> errorCode);

    // --- modes
    void setCr0(uint64_t value);
    void setCr3(uint64_t value);
    void setCr4(uint64_t value);
    void setEfer(uint64_t value);
    void modeChanged() { updateModeKey(state); }
    void setFlags(uint64_t value, uint64_t mask); // RFLAGS bits of `mask`, then the mode key
    void checkIoPermission(uint16_t port, unsigned sizeBytes);
    uint64_t guestTsc() { return platform.tsc() + state.tscOffset; }

private:
    struct Checkpoint {
        uint64_t gpr[16], rip, rflags;
        SegmentRegister segment[6], ldtr, tr;
        uint32_t modeKey;
    };
    void saveCheckpoint();
    void restoreCheckpoint();

public:
    // A repeated string instruction commits what it has done so far.
    void commitProgress() { saveCheckpoint(); }
    bool shouldPauseRepeat() const;
    void noteDataBreakpoint(uint64_t linearAddress, unsigned sizeBytes, AccessKind kind);
    void noteIoBreakpoint(uint16_t port, unsigned sizeBytes);

private:
    const Instruction& fetch();
    void checkInstructionBreakpoint();
    void finishInstruction(bool singleStep);
    void checkLimitOfFetch(uint64_t offset, unsigned sizeBytes);
    StepResult shutDown();

    struct CachedInstruction {
        uint64_t rip = ~uint64_t{0};
        Handler handler = nullptr;
        Instruction decoded;
    };
    static constexpr unsigned kCacheEntries = 2048;
    std::vector<CachedInstruction> m_cache;
    Handler m_handler = nullptr;
    Checkpoint m_checkpoint{};
};

// false: not both pages are RAM that may be written.
template <class Change>
bool Engine::modifyAcrossPages(uint64_t linearAddress, unsigned sizeBytes, uint64_t& old,
                               Change change) {
    const TlbMode tlbMode = dataTlbMode(state);
    const auto first = static_cast<unsigned>(4096 - linearAddress % 4096);
    const SoftMmu::Place low = mmu.place(linearAddress, AccessKind::Write, tlbMode);
    const SoftMmu::Place high = mmu.place(mmu.nextPage(linearAddress), AccessKind::Write, tlbMode);
    if (!low.host || !high.host)
        return false;
    uint8_t bytes[8] = {};
    std::memcpy(bytes, low.host, first);
    std::memcpy(bytes + first, high.host, sizeBytes - first);
    std::memcpy(&old, bytes, sizeof old);
    const uint64_t value = change(old);
    std::memcpy(bytes, &value, sizeof value);
    std::memcpy(low.host, bytes, first);
    std::memcpy(high.host, bytes + first, sizeBytes - first);
    mmu.wrote(low, first);
    mmu.wrote(high, sizeBytes - first);
    return true;
}

template <class Change>
uint64_t Engine::modifyMemory(uint64_t linearAddress, unsigned sizeBytes, bool atomically,
                              Change change) {
    const TlbMode tlbMode = dataTlbMode(state);
    if (linearAddress % 4096 + sizeBytes <= 4096) {
        const SoftMmu::Place place = mmu.place(linearAddress, AccessKind::Write, tlbMode);
        throwFault(place.fault);
        if (place.host != nullptr) {
            uint64_t old = 0;
            const auto exchange = [&]<class T>(T*) {
                auto* host = reinterpret_cast<T*>(place.host);
                T expected = __atomic_load_n(host, __ATOMIC_RELAXED);
                if (!atomically) {
                    const T value = static_cast<T>(change(expected));
                    __atomic_store_n(host, value, __ATOMIC_RELAXED);
                } else {
                    while (!__atomic_compare_exchange_n(host, &expected,
                                                        static_cast<T>(change(expected)), false,
                                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                    }
                }
                old = expected;
            };
            switch (sizeBytes) {
            case 1:
                exchange(static_cast<uint8_t*>(nullptr));
                break;
            case 2:
                exchange(static_cast<uint16_t*>(nullptr));
                break;
            case 4:
                exchange(static_cast<uint32_t*>(nullptr));
                break;
            default:
                exchange(static_cast<uint64_t*>(nullptr));
            }
            mmu.wrote(place, sizeBytes);
            return old;
        }
    }
    // Device memory and operands that cross a page: two accesses, the fault of the write first.
    throwFault(mmu.probeWrite(linearAddress, sizeBytes, tlbMode));
    uint64_t old = 0;
    if (atomically && linearAddress % 4096 + sizeBytes > 4096) { // as a lock of the bus
        bool done = false;
        platform.exclusively(
            [&] { done = modifyAcrossPages(linearAddress, sizeBytes, old, change); });
        if (done)
            return old;
    }
    loadBytes(linearAddress, &old, sizeBytes, tlbMode);
    const uint64_t value = change(old);
    storeBytes(linearAddress, &value, sizeBytes, tlbMode);
    return old;
}

// Handlers by mnemonic; each group enters its own.
using HandlerTable = std::array<Handler, 2048>;
void addDataMovement(HandlerTable& table);
void addArithmetic(HandlerTable& table);
void addShifts(HandlerTable& table);
void addBitOperations(HandlerTable& table);
void addMultiplyDivide(HandlerTable& table);
void addDecimal(HandlerTable& table);
void addStrings(HandlerTable& table);
void addStackInstructions(HandlerTable& table);
void addControlTransfer(HandlerTable& table);
void addSegmentInstructions(HandlerTable& table);
void addInputOutput(HandlerTable& table);
void addSystem(HandlerTable& table);
void addSystemCalls(HandlerTable& table);
void addModelSpecific(HandlerTable& table);
void addExtendedState(HandlerTable& table);
void addSimdMemory(HandlerTable& table);
const HandlerTable& handlerTable();

// x87, MMX, SSE, AVX through the native unit (simd.cpp): gates, operands, exceptions.
void executeNative(Engine& engine);
bool isNativeInstruction(const Instruction& instruction);

} // namespace vivarium::softcpu
