#include "vmm/devices/chipset/hpet.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {
// IA-PC HPET 1.0a, 2.3: register offsets and bits.
constexpr uint64_t kCapabilities = 0x00;
constexpr uint64_t kConfig = 0x10;
constexpr uint64_t kStatus = 0x20;
constexpr uint64_t kCounter = 0xF0;
constexpr uint64_t kFirstTimer = 0x100; // 0x20 bytes a timer
constexpr uint64_t kTimerStride = 0x20;
constexpr uint64_t kTimerConfig = 0x00;
constexpr uint64_t kTimerComparator = 0x08;

constexpr uint64_t kConfigEnable = 1 << 0;
constexpr uint64_t kConfigLegacy = 1 << 1;

constexpr uint64_t kTimerLevel = 1 << 1;
constexpr uint64_t kTimerInterrupt = 1 << 2;
constexpr uint64_t kTimerPeriodic = 1 << 3;
constexpr uint64_t kTimerCanPeriodic = 1 << 4;
constexpr uint64_t kTimerCan64 = 1 << 5;
constexpr uint64_t kTimerSetValue = 1 << 6;
constexpr uint64_t kTimer32 = 1 << 8;
constexpr unsigned kTimerRouteShift = 9;
// Lines of the IOAPIC that no ISA device has.
constexpr uint64_t kRoutes = 0x00FF0000;
constexpr uint64_t kTimerReadOnly = kRoutes << 32 | kTimerCanPeriodic | kTimerCan64;
constexpr uint64_t kTimerWritable = kTimerLevel | kTimerInterrupt | kTimerPeriodic |
                                    kTimerSetValue | kTimer32 | uint64_t{31} << kTimerRouteShift;

constexpr uint64_t kNsPerTick = Hpet::kPeriodFs / 1'000'000;
// A period below this is a guest's mistake; firing it faster would only keep the host busy.
constexpr uint64_t kMinIntervalTicks = 20'000 / kNsPerTick;
constexpr uint64_t kMaxLateMatches = 1000;
constexpr uint64_t kMaxMatchTick = ~uint64_t{0} / kNsPerTick;
constexpr int kChipsetPriority = 10;
constexpr uint32_t kPitGsi = 0;
constexpr uint32_t kRtcGsi = 8;
} // namespace

Result<std::unique_ptr<Hpet>> Hpet::create(MemoryMap& memoryMap, InterruptSink& interrupts,
                                           TimerQueue& timers, RoutingChanged routingChanged) {
    std::unique_ptr<Hpet> hpet(new Hpet(interrupts, timers, std::move(routingChanged)));
    MemoryRegion region;
    region.name = "hpet";
    region.base = kBase;
    region.sizeBytes = kBlockBytes;
    region.handler = ioHandler<&Hpet::readRegisters, &Hpet::writeRegisters>(hpet.get());
    region.priority = kChipsetPriority;
    hpet->m_mapping = TRY(memoryMap.map(std::move(region)));
    return hpet;
}

Hpet::Hpet(InterruptSink& interrupts, TimerQueue& timers, RoutingChanged routingChanged)
    : m_interrupts(interrupts), m_clock(timers.clock()),
      m_routingChanged(std::move(routingChanged)) {
    for (unsigned i = 0; i < kTimers; ++i)
        m_timers[i] = std::make_unique<Timer>(timers, [this, i] { expired(i); });
}

// --- Time -----------------------------------------------------------------------------------

bool Hpet::running() const {
    return m_state.config & kConfigEnable;
}

bool Hpet::legacy() const {
    return m_state.config & kConfigLegacy;
}

uint64_t Hpet::ticksNow() const {
    return m_clock.nowNs() / kNsPerTick;
}

uint64_t Hpet::counterNow() const {
    return running() ? m_state.counter + ticksNow() : m_state.counter;
}

uint64_t Hpet::timerMask(unsigned index) const {
    return m_state.timers[index].config & kTimer32 ? 0xFFFFFFFF : ~uint64_t{0};
}

bool Hpet::periodic(unsigned index) const {
    return m_state.timers[index].config & kTimerPeriodic;
}

// Finds the next match of a timer that has just been set up or has just fired.
void Hpet::schedule(unsigned index) {
    TimerState& timer = m_state.timers[index];
    timer.pending = false;
    if (running()) {
        uint64_t now = ticksNow();
        uint64_t distance = (timer.comparator - counterNow()) & timerMask(index);
        if (distance <= kMaxMatchTick - std::min(now, kMaxMatchTick)) {
            timer.pending = true;
            timer.matchTick = now + distance;
        }
    }
    rearm(index);
}

void Hpet::rearm(unsigned index) {
    const TimerState& timer = m_state.timers[index];
    // Without its interrupt a match has no effect but on a periodic comparator, which is
    // brought up to date when it is looked at.
    if (timer.pending && timer.config & kTimerInterrupt)
        m_timers[index]->arm(timer.matchTick * kNsPerTick);
    else
        m_timers[index]->cancel();
}

// Lets matches happen that lie behind but were not seen yet: the timer thread is late, or the timer
// has no interrupt. Setting such a timer up again would lose the match.
void Hpet::settle() {
    for (unsigned i = 0; i < kTimers; ++i)
        if (m_state.timers[i].pending && m_state.timers[i].matchTick <= ticksNow())
            expired(i);
}

// How many matches to tell of. Ticks of the system timer that come late come all the same: who
// counts them keeps time (as for the interval timer it replaces).
uint64_t Hpet::matchesByNow(unsigned index) const {
    const TimerState& timer = m_state.timers[index];
    const uint64_t mask = timerMask(index), period = timer.period & mask;
    if (!legacy() || index != 0 || !periodic(index) || period < kMinIntervalTicks)
        return 1;
    const uint64_t late = (counterNow() - timer.comparator) & mask;
    return std::min(1 + late / period, kMaxLateMatches);
}

void Hpet::expired(unsigned index) {
    for (uint64_t left = matchesByNow(index); left > 0; --left)
        fire(index);
    TimerState& timer = m_state.timers[index];
    timer.pending = false;
    uint64_t mask = timerMask(index);
    uint64_t now = ticksNow();
    if (periodic(index)) {
        uint64_t period = timer.period & mask;
        if (period == 0)
            return;
        uint64_t late = (counterNow() - timer.comparator) & mask;
        uint64_t advance = late - late % period + period;
        timer.comparator = (timer.comparator + advance) & mask;
        uint64_t distance = std::max(advance - late, kMinIntervalTicks);
        if (distance <= kMaxMatchTick - std::min(now, kMaxMatchTick)) {
            timer.pending = true;
            timer.matchTick = now + distance;
        }
    } else if (mask != ~uint64_t{0}) {
        // A 32-bit one-shot matches again when the counter has gone around (2.3.9.2.1).
        uint64_t distance = (timer.comparator - counterNow()) & mask;
        timer.pending = true;
        timer.matchTick = now + (distance == 0 ? mask + 1 : std::max(distance, kMinIntervalTicks));
    }
    rearm(index);
}

// --- Interrupts -----------------------------------------------------------------------------

std::optional<uint32_t> Hpet::lineOf(unsigned index) const {
    if (legacy() && index == 0)
        return kPitGsi;
    if (legacy() && index == 1)
        return kRtcGsi;
    auto route = static_cast<uint32_t>(m_state.timers[index].config >> kTimerRouteShift & 31);
    if (!(kRoutes >> route & 1))
        return std::nullopt;
    return route;
}

void Hpet::fire(unsigned index) {
    const TimerState& timer = m_state.timers[index];
    if (timer.config & kTimerLevel) {
        m_state.status |= uint64_t{1} << index;
        updateLines();
        return;
    }
    auto line = lineOf(index);
    if (!line || !(timer.config & kTimerInterrupt) || m_highLines >> *line & 1)
        return;
    m_interrupts.setLine(*line, InterruptSink::Level::High);
    m_interrupts.setLine(*line, InterruptSink::Level::Low);
}

void Hpet::updateLines() {
    uint32_t high = 0;
    for (unsigned i = 0; i < kTimers; ++i) {
        uint64_t config = m_state.timers[i].config;
        auto line = lineOf(i);
        if (running() && line && m_state.status >> i & 1 && config & kTimerLevel &&
            config & kTimerInterrupt)
            high |= uint32_t{1} << *line;
    }
    for (uint32_t line = 0; line < 24; ++line)
        if ((high ^ m_highLines) >> line & 1)
            m_interrupts.setLine(line, high >> line & 1 ? InterruptSink::Level::High
                                                        : InterruptSink::Level::Low);
    m_highLines = high;
}

void Hpet::announceRouting() {
    auto routing = legacy() ? LegacyRouting::On : LegacyRouting::Off;
    if (std::exchange(m_announced, routing) != routing && m_routingChanged)
        m_routingChanged(routing);
}

// --- Registers ------------------------------------------------------------------------------

uint64_t Hpet::readRegisters(uint64_t offset, unsigned sizeBytes) {
    settle();
    uint64_t value = read(offset & ~uint64_t{7}) >> (8 * (offset & 7));
    return value & accessMask(sizeBytes);
}

void Hpet::writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    settle();
    unsigned shift = 8 * (offset & 7);
    write(offset & ~uint64_t{7}, value << shift, accessMask(sizeBytes) << shift);
}

uint64_t Hpet::read(uint64_t reg) const {
    switch (reg) {
    case kCapabilities:
        return uint64_t{kPeriodFs} << 32 | kBlockId;
    case kConfig:
        return m_state.config;
    case kStatus:
        return m_state.status;
    case kCounter:
        return counterNow();
    default:
        break;
    }
    if (reg < kFirstTimer || (reg - kFirstTimer) / kTimerStride >= kTimers)
        return 0;
    const TimerState& timer = m_state.timers[(reg - kFirstTimer) / kTimerStride];
    switch (reg % kTimerStride) {
    case kTimerConfig:
        return timer.config | kTimerReadOnly;
    case kTimerComparator:
        return timer.comparator;
    default:
        return 0;
    }
}

void Hpet::write(uint64_t reg, uint64_t value, uint64_t mask) {
    switch (reg) {
    case kConfig:
        writeConfig(((m_state.config & ~mask) | (value & mask)) & (kConfigEnable | kConfigLegacy));
        return;
    case kStatus:
        m_state.status &= ~(value & mask);
        updateLines();
        return;
    case kCounter: {
        uint64_t counter = (counterNow() & ~mask) | (value & mask);
        m_state.counter = running() ? counter - ticksNow() : counter;
        for (unsigned i = 0; i < kTimers; ++i)
            schedule(i);
        return;
    }
    default:
        break;
    }
    if (reg >= kFirstTimer && (reg - kFirstTimer) / kTimerStride < kTimers)
        writeTimer(static_cast<unsigned>((reg - kFirstTimer) / kTimerStride), reg % kTimerStride,
                   value, mask);
}

void Hpet::writeConfig(uint64_t value) {
    uint64_t changed = value ^ m_state.config;
    uint64_t counter = counterNow();
    m_state.config = value;
    if (changed & kConfigEnable) {
        m_state.counter = running() ? counter - ticksNow() : counter;
        for (unsigned i = 0; i < kTimers; ++i)
            schedule(i);
    }
    updateLines();
    announceRouting();
}

void Hpet::writeTimer(unsigned index, uint64_t reg, uint64_t value, uint64_t mask) {
    TimerState& timer = m_state.timers[index];
    if (reg == kTimerConfig) {
        timer.config = ((timer.config & ~mask) | (value & mask)) & kTimerWritable;
        timer.comparator &= timerMask(index);
        if (!(timer.config & kTimerLevel))
            m_state.status &= ~(uint64_t{1} << index);
        schedule(index);
        updateLines();
    } else if (reg == kTimerComparator) {
        mask &= timerMask(index);
        // A periodic timer takes a write as its period, and as its next match too only when
        // software asked for that (2.3.9.2.2).
        bool setsMatch = !periodic(index) || timer.config & kTimerSetValue;
        if (periodic(index))
            timer.period = (timer.period & ~mask) | (value & mask);
        if (setsMatch)
            timer.comparator = (timer.comparator & ~mask) | (value & mask);
        timer.config &= ~kTimerSetValue;
        schedule(index);
    }
}

// --- Reset, save, restore -------------------------------------------------------------------

void Hpet::reset() {
    m_state = {};
    for (auto& timer : m_timers)
        timer->cancel();
    updateLines();
    announceRouting();
}

void Hpet::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.config, m_state.status, m_state.counter);
    for (const TimerState& timer : m_state.timers)
        writer.fields(timer.config, timer.comparator, timer.period, timer.pending, timer.matchTick);
}

Result<void> Hpet::restore(StateReader& reader) {
    reset();
    State state;
    TRY(reader.enterSection(name(), stateVersion()));
    TRY(reader.fields(state.config, state.status, state.counter));
    state.config &= kConfigEnable | kConfigLegacy;
    state.status &= (1 << kTimers) - 1;
    for (TimerState& timer : state.timers) {
        TRY(reader.fields(timer.config, timer.comparator, timer.period, timer.pending,
                          timer.matchTick));
        timer.config &= kTimerWritable;
        timer.matchTick = std::min(timer.matchTick, kMaxMatchTick);
    }
    m_state = state;
    for (unsigned i = 0; i < kTimers; ++i)
        rearm(i);
    updateLines();
    announceRouting();
    return {};
}

} // namespace vivarium
