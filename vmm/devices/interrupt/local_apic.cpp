#include "vmm/devices/interrupt/local_apic.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace vivarium {

namespace {

// Register offsets (Intel SDM 3A, table 11-1).
constexpr uint64_t kId = 0x20, kVersionRegister = 0x30, kTpr = 0x80, kApr = 0x90, kPpr = 0xA0,
                   kEoi = 0xB0, kRrd = 0xC0, kLdr = 0xD0, kDfr = 0xE0, kSvr = 0xF0, kIsr = 0x100,
                   kTmr = 0x180, kIrr = 0x200, kEsr = 0x280, kIcrLow = 0x300, kIcrHigh = 0x310,
                   kLvtTimer = 0x320, kLvtThermal = 0x330, kLvtCounter = 0x340, kLvt0 = 0x350,
                   kLvt1 = 0x360, kLvtError = 0x370, kInitialCount = 0x380, kCurrentCount = 0x390,
                   kDivide = 0x3E0, kSelfIpi = 0x3F0;
constexpr uint32_t kVersion = 0x14 | 5 << 16; // integrated, six LVT entries (11.4.8)
constexpr uint32_t kLvtMasked = 1 << 16, kLvtLevel = 1 << 15, kLvtRemoteIrr = 1 << 14;
constexpr uint32_t kSvrEnabled = 1 << 8;
constexpr uint32_t kTimerModeShift = 17;
// Error status (11.5.3).
constexpr uint32_t kSentIllegalVector = 1 << 5, kReceivedIllegalVector = 1 << 6,
                   kIllegalRegister = 1 << 7;
constexpr uint8_t kFirstLegalVector = 16;
// A periodic timer that is faster only keeps the host busy.
constexpr uint64_t kMinPeriodNs = 50'000;

struct LvtBits {
    uint64_t offset;
    uint32_t writable;
};
// 11.5.1: vector, then mode, polarity and trigger where the entry has them, mask.
constexpr LvtBits kLvts[] = {
    {kLvtTimer, 0x700FF}, {kLvtThermal, 0x107FF}, {kLvtCounter, 0x107FF},
    {kLvt0, 0x1A7FF},     {kLvt1, 0x1A7FF},       {kLvtError, 0x100FF},
};

const LvtBits* findLvt(uint64_t offset) {
    for (const LvtBits& lvt : kLvts)
        if (lvt.offset == offset)
            return &lvt;
    return nullptr;
}

bool isBitArray(uint64_t offset) {
    return offset >= kIsr && offset < kEsr;
}

bool exists(uint64_t offset) {
    switch (offset) {
    case kId:
    case kVersionRegister:
    case kTpr:
    case kApr:
    case kPpr:
    case kRrd:
    case kLdr:
    case kDfr:
    case kSvr:
    case kEsr:
    case kIcrLow:
    case kIcrHigh:
    case kInitialCount:
    case kCurrentCount:
    case kDivide:
        return true;
    default:
        return isBitArray(offset) || findLvt(offset);
    }
}

// Which address bits an IA32_APIC_BASE may have: those of a 52-bit physical address.
constexpr uint64_t kBaseAddress = 0x000FFFFFFFFFF000;

} // namespace

LocalApic::LocalApic(uint32_t id, Role role) : m_id(id), m_role(role) {
    reset();
}

void LocalApic::reset() {
    m_state = {};
    m_state.base =
        kDefaultBase | kBaseEnabled | (m_role == Role::Bootstrap ? kBaseBsp : uint64_t{0});
    setDefaults();
}

void LocalApic::init() {
    const uint64_t base = m_state.base;
    const uint32_t ownId = reg(kId);
    m_state = {};
    m_state.base = base;
    setDefaults();
    reg(kId) = ownId;
    applyBaseMode();
}

// 11.4.7.1: the state after power-up and reset.
void LocalApic::setDefaults() {
    m_state.registers = {};
    reg(kId) = m_id << 24;
    reg(kVersionRegister) = kVersion;
    reg(kDfr) = 0xFFFFFFFF;
    reg(kSvr) = 0xFF;
    for (const LvtBits& lvt : kLvts)
        reg(lvt.offset) = kLvtMasked;
    // As firmware leaves it, and KVM, too: the 8259 reaches the first processor ("virtual wire",
    // MP specification 1.4, 3.6.2.2), so that software which knows no APIC works.
    if (m_role == Role::Bootstrap)
        reg(kLvt0) = static_cast<uint32_t>(DeliveryMode::ExtInt) << 8;
}

void LocalApic::setState(const State& state) {
    m_state = state;
    m_state.base &= kBaseAddress | kBaseBsp | kBaseX2 | kBaseEnabled;
    if (!enabled())
        m_state.base &= ~kBaseX2;
    reg(kVersionRegister) = kVersion;
    if (x2())
        applyBaseMode();
    reg(kIcrLow) &= ~(1u << 12);
    // Vectors below 16 never get as far.
    reg(kIrr) &= 0xFFFF0000;
    reg(kIsr) &= 0xFFFF0000;
}

bool LocalApic::setBase(uint64_t base) {
    const uint64_t allowed = kBaseAddress | kBaseBsp | kBaseX2 | kBaseEnabled;
    const bool nextX2 = base & kBaseX2, nextEnabled = base & kBaseEnabled;
    if ((base & ~allowed) || (nextX2 && !nextEnabled))
        return false;
    // Figure 11-27: back from x2APIC only through disabled, into it only from enabled.
    if (x2() && nextEnabled && !nextX2)
        return false;
    if (!enabled() && nextX2)
        return false;
    const bool wasX2 = x2(), wasEnabled = enabled();
    m_state.base = base;
    if (wasEnabled && !nextEnabled) {
        setDefaults();
        m_state.timerStartNs = 0;
        m_state.owedTicks = 0;
        m_state.tscDeadline = 0;
    }
    if (!wasX2 && nextX2)
        applyBaseMode();
    return true;
}

// 11.12.5.1 and 11.12.10.2: the identity registers that x2APIC mode brings.
void LocalApic::applyBaseMode() {
    if (!x2())
        return;
    reg(kId) = m_id;
    reg(kLdr) = (m_id >> 4) << 16 | 1u << (m_id & 0xF);
    reg(kIcrHigh) = 0;
}

// --- Registers -----------------------------------------------------------------------------------

uint32_t LocalApic::readRegister(uint64_t offset, uint64_t nowNs) const {
    offset &= 0xFF0;
    switch (offset) {
    case kPpr:
        return processorPriority();
    case kCurrentCount:
        return currentCount(nowNs);
    default:
        return exists(offset) ? reg(offset) : 0;
    }
}

void LocalApic::setTaskPriority(uint8_t value) {
    reg(kTpr) = value;
}

bool LocalApic::softwareEnabled() const {
    return enabled() && (reg(kSvr) & kSvrEnabled);
}

// 11.4.7.2: a disabled APIC has all its local interrupts masked.
void LocalApic::maskAllIfDisabled() {
    if (reg(kSvr) & kSvrEnabled)
        return;
    for (const LvtBits& lvt : kLvts)
        reg(lvt.offset) |= kLvtMasked;
}

LocalApic::Effect LocalApic::writeRegister(uint64_t offset, uint32_t value, uint64_t nowNs) {
    Effect effect;
    offset &= 0xFF0;
    switch (offset) {
    case kId:
        if (!x2())
            reg(kId) = value & 0xFF000000;
        break;
    case kTpr:
        setTaskPriority(static_cast<uint8_t>(value));
        break;
    case kEoi:
        endOfInterrupt(effect);
        break;
    case kLdr:
        if (!x2())
            reg(kLdr) = value & 0xFF000000;
        break;
    case kDfr:
        if (!x2())
            reg(kDfr) = value | 0x0FFFFFFF;
        break;
    case kSvr:
        reg(kSvr) = value & 0x1FF; // no focus checking, no EOI suppression (11.9)
        maskAllIfDisabled();
        break;
    case kEsr: // 11.5.3: a write brings what happened since the last
        reg(kEsr) = m_state.errors;
        m_state.errors = 0;
        break;
    case kIcrLow:
        reg(kIcrLow) = value & 0x000CCFFF & ~(1u << 12);
        effect = sendFromIcr(value, reg(kIcrHigh));
        break;
    case kIcrHigh:
        reg(kIcrHigh) = x2() ? value : value & 0xFF000000;
        break;
    case kLvtTimer:
        writeTimerLvt(value, effect);
        break;
    case kInitialCount:
        m_state.owedTicks = 0;
        if (timerMode() == TimerMode::TscDeadline)
            break; // 11.5.4.1: ignored there
        reg(kInitialCount) = value;
        m_state.timerStartNs = value != 0 ? std::max<uint64_t>(nowNs, 1) : 0;
        effect.timerChanged = true;
        break;
    case kDivide: {
        // A countdown goes on from where it is with the new rate.
        const uint32_t left = currentCount(nowNs);
        const bool runs = m_state.timerStartNs != 0;
        reg(kDivide) = value & 0xB;
        if (runs) {
            const uint64_t done = timerPeriodNs() / std::max<uint32_t>(reg(kInitialCount), 1) *
                                  (reg(kInitialCount) - std::min(left, reg(kInitialCount)));
            m_state.timerStartNs = std::max<uint64_t>(nowNs > done ? nowNs - done : 1, 1);
            effect.timerChanged = true;
        }
        break;
    }
    default:
        if (const LvtBits* lvt = findLvt(offset)) {
            reg(offset) = (value & lvt->writable) | (reg(offset) & kLvtRemoteIrr);
            maskAllIfDisabled();
        } else if (!exists(offset)) {
            setError(kIllegalRegister);
        }
        break;
    }
    return effect;
}

void LocalApic::writeTimerLvt(uint32_t value, Effect& effect) {
    const TimerMode before = timerMode();
    reg(kLvtTimer) = value & kLvts[0].writable;
    m_state.owedTicks = 0;
    maskAllIfDisabled();
    const TimerMode after = timerMode();
    // 11.5.4.1: between counting and deadlines the timer is disarmed.
    if ((before == TimerMode::TscDeadline) != (after == TimerMode::TscDeadline)) {
        m_state.tscDeadline = 0;
        m_state.timerStartNs = 0;
        reg(kInitialCount) = 0;
    }
    effect.timerChanged = true;
}

std::optional<uint64_t> LocalApic::readMsr(uint32_t msr, uint64_t nowNs) const {
    if (!x2() || msr < 0x800 || msr > 0x83F)
        return std::nullopt;
    const uint64_t offset = uint64_t{msr - 0x800} << 4;
    // Table 11-6: these have no place there, or only writes.
    if (!exists(offset) || offset == kDfr || offset == kApr || offset == kRrd || offset == kIcrHigh)
        return std::nullopt;
    const uint64_t value = readRegister(offset, nowNs);
    return offset == kIcrLow ? value | uint64_t{reg(kIcrHigh)} << 32 : value;
}

LocalApic::Effect LocalApic::writeMsr(uint32_t msr, uint64_t value, uint64_t nowNs) {
    Effect refused;
    refused.refused = true;
    if (!x2() || msr < 0x800 || msr > 0x83F)
        return refused;
    const uint64_t offset = uint64_t{msr - 0x800} << 4;
    if (offset == kIcrLow) {
        reg(kIcrLow) = static_cast<uint32_t>(value) & 0x000CCFFF & ~(1u << 12);
        reg(kIcrHigh) = static_cast<uint32_t>(value >> 32);
        return sendFromIcr(static_cast<uint32_t>(value), reg(kIcrHigh));
    }
    uint64_t writable = 0;
    switch (offset) {
    case kTpr:
    case kSelfIpi:
        writable = 0xFF;
        break;
    case kEoi:
    case kEsr: // only zero may be written
        break;
    case kSvr:
        writable = 0x1FF;
        break;
    case kInitialCount:
        writable = 0xFFFFFFFF;
        break;
    case kDivide:
        writable = 0xB;
        break;
    default:
        if (const LvtBits* lvt = findLvt(offset))
            writable = lvt->writable | 0x5000; // read-only bits are ignored
        else
            return refused;
        break;
    }
    if (value & ~writable)
        return refused;
    if (offset == kSelfIpi) {
        Effect effect;
        effect.send = InterruptMessage{.vector = static_cast<uint8_t>(value)};
        effect.shorthand = Effect::Shorthand::Self;
        return effect;
    }
    return writeRegister(offset, static_cast<uint32_t>(value), nowNs);
}

void LocalApic::setTscDeadline(uint64_t value) {
    if (timerMode() == TimerMode::TscDeadline)
        m_state.tscDeadline = value;
}

// --- Sending and receiving
// ------------------------------------------------------------------------

// 11.6.1.
LocalApic::Effect LocalApic::sendFromIcr(uint32_t low, uint32_t high) {
    Effect effect;
    InterruptMessage message;
    message.mode = static_cast<DeliveryMode>(low >> 8 & 7);
    message.vector = static_cast<uint8_t>(low);
    message.logical = low >> 11 & 1;
    message.wideDestination = x2();
    message.destination = x2() ? high : high >> 24;
    const bool assertLevel = low >> 14 & 1, levelTrigger = low >> 15 & 1;
    // The INIT level de-assert of old multiprocessor start-up changes nothing here.
    if (message.mode == DeliveryMode::Init && levelTrigger && !assertLevel)
        return effect;
    if (message.mode == DeliveryMode::Reserved || message.mode == DeliveryMode::ExtInt)
        return effect;
    if ((message.mode == DeliveryMode::Fixed || message.mode == DeliveryMode::LowestPriority) &&
        message.vector < kFirstLegalVector) {
        setError(kSentIllegalVector);
        return effect;
    }
    effect.send = message;
    effect.shorthand = static_cast<Effect::Shorthand>(low >> 18 & 3);
    return effect;
}

bool LocalApic::accepts(uint32_t destination, bool logical, bool wide) const {
    if (!enabled())
        return false;
    if (!wide && destination == 0xFF && !logical)
        return true; // physical broadcast
    if (wide && destination == 0xFFFFFFFF)
        return true;
    if (x2())
        return x2Accepts(destination, logical);
    if (wide && destination > 0xFF)
        return false;
    if (!logical)
        return reg(kId) >> 24 == destination;
    const uint32_t own = reg(kLdr) >> 24;
    if (reg(kDfr) >> 28 == 0xF) // flat (11.6.2.2)
        return own & destination;
    if (reg(kDfr) >> 28 != 0)
        return false;
    const bool cluster = destination >> 4 == 0xF || destination >> 4 == own >> 4;
    return cluster && (own & destination & 0xF);
}

bool LocalApic::x2Accepts(uint32_t destination, bool logical) const {
    if (!logical)
        return destination == m_id;
    const uint32_t own = reg(kLdr);
    return destination >> 16 == own >> 16 && (own & destination & 0xFFFF);
}

bool LocalApic::deliver(const InterruptMessage& message) {
    switch (message.mode) {
    case DeliveryMode::Fixed:
    case DeliveryMode::LowestPriority:
        if (!softwareEnabled())
            return false;
        accept(message.vector, message.level);
        return true;
    case DeliveryMode::Smi:
        m_state.smiPending = true;
        return true;
    case DeliveryMode::Nmi:
        m_state.nmiPending = true;
        return true;
    case DeliveryMode::Init:
        m_state.initPending = true;
        m_state.startUpVector.reset(); // of before
        return true;
    case DeliveryMode::StartUp:
        m_state.startUpVector = message.vector;
        return true;
    case DeliveryMode::ExtInt:
        m_state.extIntPending = true;
        return true;
    case DeliveryMode::Reserved:
        break;
    }
    return false;
}

void LocalApic::accept(uint8_t vector, bool level) {
    if (vector < kFirstLegalVector)
        return setError(kReceivedIllegalVector);
    const uint64_t word = uint64_t{vector} / 32 << 4;
    const uint32_t bit = 1u << vector % 32;
    reg(kIrr + word) |= bit;
    // 11.8.4: the trigger mode decides about the broadcast at the end.
    reg(kTmr + word) = level ? reg(kTmr + word) | bit : reg(kTmr + word) & ~bit;
}

void LocalApic::setError(uint32_t bit) {
    m_state.errors |= bit;
    if (bit == kReceivedIllegalVector && (reg(kLvtError) & 0xFF) < kFirstLegalVector)
        return; // reporting it would be another
    raise(kLvtError);
}

// One of the local sources asks.
void LocalApic::raise(uint64_t offset) {
    const uint32_t lvt = reg(offset);
    if ((lvt & kLvtMasked) || !enabled())
        return;
    InterruptMessage message;
    message.vector = static_cast<uint8_t>(lvt);
    if (offset != kLvtTimer && offset != kLvtError)
        message.mode = static_cast<DeliveryMode>(lvt >> 8 & 7);
    if (message.mode == DeliveryMode::StartUp || message.mode == DeliveryMode::LowestPriority)
        return;
    deliver(message);
}

bool LocalApic::passesExtInt() const {
    if (!enabled()) // 11.4.3: the pin is then the processor's INTR
        return m_role == Role::Bootstrap;
    const uint32_t lvt = reg(kLvt0);
    return !(lvt & kLvtMasked) && static_cast<DeliveryMode>(lvt >> 8 & 7) == DeliveryMode::ExtInt;
}

void LocalApic::localInterrupt0() {
    const uint32_t lvt = reg(kLvt0);
    if (static_cast<DeliveryMode>(lvt >> 8 & 7) != DeliveryMode::ExtInt)
        raise(kLvt0);
}

std::optional<uint8_t> LocalApic::highestBit(uint64_t offset) const {
    for (int word = 7; word >= 0; --word)
        if (const uint32_t bits = reg(offset + (static_cast<uint64_t>(word) << 4)))
            return static_cast<uint8_t>(word * 32 + 31 - std::countl_zero(bits));
    return std::nullopt;
}

// 11.8.3.1.
uint8_t LocalApic::processorPriority() const {
    const auto serving = static_cast<uint8_t>(highestBit(kIsr).value_or(0) & 0xF0);
    const uint8_t task = taskPriority();
    return (task & 0xF0) >= serving ? task : serving;
}

std::optional<uint8_t> LocalApic::pendingVector() const {
    if (!softwareEnabled())
        return std::nullopt;
    const auto vector = highestBit(kIrr);
    if (!vector || *vector >> 4 <= processorPriority() >> 4)
        return std::nullopt;
    return vector;
}

void LocalApic::acknowledge(uint8_t vector) {
    const uint64_t word = uint64_t{vector} / 32 << 4;
    const uint32_t bit = 1u << vector % 32;
    reg(kIrr + word) &= ~bit;
    reg(kIsr + word) |= bit;
    // The next tick that is owed waits for the end of this one.
    if (m_state.owedTicks != 0 && vector == static_cast<uint8_t>(reg(kLvtTimer))) {
        --m_state.owedTicks;
        raise(kLvtTimer);
    }
}

void LocalApic::endOfInterrupt(Effect& effect) {
    const auto vector = highestBit(kIsr);
    if (!vector)
        return;
    const uint64_t word = uint64_t{*vector} / 32 << 4;
    const uint32_t bit = 1u << *vector % 32;
    reg(kIsr + word) &= ~bit;
    if (reg(kTmr + word) & bit)
        effect.endOfInterrupt = vector;
}

bool LocalApic::hasEvents() const {
    return m_state.nmiPending || m_state.initPending || m_state.smiPending ||
           m_state.startUpVector.has_value();
}
bool LocalApic::takeNmi() {
    return std::exchange(m_state.nmiPending, false);
}
bool LocalApic::takeInit() {
    return std::exchange(m_state.initPending, false);
}
bool LocalApic::takeSmi() {
    return std::exchange(m_state.smiPending, false);
}
std::optional<uint8_t> LocalApic::takeStartUp() {
    return std::exchange(m_state.startUpVector, std::nullopt);
}

// --- Timer (11.5.4)
// --------------------------------------------------------------------------------

LocalApic::TimerMode LocalApic::timerMode() const {
    switch (reg(kLvtTimer) >> kTimerModeShift & 3) {
    case 1:
        return TimerMode::Periodic;
    case 2:
        return TimerMode::TscDeadline;
    default:
        return TimerMode::OneShot;
    }
}

uint64_t LocalApic::timerPeriodNs() const {
    const uint32_t code = (reg(kDivide) & 3) | (reg(kDivide) >> 1 & 4);
    const unsigned shift = (code + 1) & 7; // 2, 4, ... 128, 1
    return uint64_t{reg(kInitialCount)} << shift;
}

std::optional<uint64_t> LocalApic::countdownEndNs() const {
    if (m_state.timerStartNs == 0 || reg(kInitialCount) == 0)
        return std::nullopt;
    uint64_t period = timerPeriodNs();
    if (timerMode() == TimerMode::Periodic)
        period = std::max(period, kMinPeriodNs);
    const uint64_t end = m_state.timerStartNs + period;
    return end < period ? ~uint64_t{0} : end;
}

uint32_t LocalApic::currentCount(uint64_t nowNs) const {
    const uint64_t period = timerPeriodNs();
    if (m_state.timerStartNs == 0 || period == 0)
        return 0;
    uint64_t elapsed = nowNs > m_state.timerStartNs ? nowNs - m_state.timerStartNs : 0;
    if (timerMode() == TimerMode::Periodic)
        elapsed %= period;
    else if (elapsed >= period)
        return 0;
    return static_cast<uint32_t>((period - elapsed) / (period / reg(kInitialCount)));
}

void LocalApic::timerExpired(uint64_t nowNs) {
    switch (timerMode()) {
    case TimerMode::TscDeadline:
        m_state.tscDeadline = 0;
        break;
    case TimerMode::OneShot:
        m_state.timerStartNs = 0;
        break;
    case TimerMode::Periodic: {
        // The phase stays, and what was missed, or meets a tick that still waits, is owed.
        const uint64_t period = std::max(timerPeriodNs(), kMinPeriodNs);
        uint64_t ticks = 1;
        if (nowNs >= m_state.timerStartNs) {
            ticks = (nowNs - m_state.timerStartNs) / period;
            m_state.timerStartNs += ticks * period;
        }
        if (ticks > 0 && (reg(kLvtTimer) & kLvtMasked) == 0) {
            const bool merges = requests(static_cast<uint8_t>(reg(kLvtTimer)));
            m_state.owedTicks = static_cast<uint32_t>(
                std::min<uint64_t>(m_state.owedTicks + ticks - (merges ? 0 : 1), kMaxOwedTicks));
        }
        break;
    }
    }
    raise(kLvtTimer);
}

} // namespace vivarium
