#include "vmm/devices/legacy/rtc.h"

#include "vmm/devices/legacy/rtc_calendar.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

constexpr uint16_t kFirstPort = 0x70;
constexpr uint32_t kPortCount = 4;
constexpr uint32_t kInterruptGsi = 8;

// Registers of the MC146818 (data sheet, "address map") and the PC's century byte, which the FADT
// names as well.
enum Register : uint8_t {
    kSeconds = 0x00,
    kSecondsAlarm = 0x01,
    kMinutes = 0x02,
    kMinutesAlarm = 0x03,
    kHours = 0x04,
    kHoursAlarm = 0x05,
    kWeekday = 0x06,
    kDay = 0x07,
    kMonth = 0x08,
    kYear = 0x09,
    kStatusA = 0x0A,
    kStatusB = 0x0B,
    kStatusC = 0x0C,
    kStatusD = 0x0D,
    kCentury = 0x32,
};

// Register A
constexpr uint8_t kUpdateInProgress = 0x80;
constexpr uint8_t kDivider = 0x70;
constexpr uint8_t kDivider32kHz = 0x20; // above it the divider chain is held in reset
constexpr uint8_t kRate = 0x0F;
constexpr uint8_t kRateDefault = 0x06; // 1024 Hz

// Register B
constexpr uint8_t kSet = 0x80;
constexpr uint8_t kUpdateEnded = 0x10; // enable in B, flag in C
constexpr uint8_t kAlarm = 0x20;
constexpr uint8_t kPeriodic = 0x40;
constexpr uint8_t kInterrupts = kPeriodic | kAlarm | kUpdateEnded;
constexpr uint8_t kSquareWave = 0x08;
constexpr uint8_t kBinary = 0x04;
constexpr uint8_t k24Hours = 0x02;

constexpr uint8_t kInterruptRequest = 0x80; // register C
constexpr uint8_t kValidRamAndTime = 0x80;  // register D
constexpr uint8_t kAfternoon = 0x80;        // hours in 12-hour mode
constexpr uint8_t kAlarmAny = 0xC0;         // alarm bytes from here on match every value

constexpr uint32_t kSecondNs = 1'000'000'000;
constexpr uint32_t kTicksPerSecond = 32768;
// The update starts 244 us after UIP rises; here it takes no time, so UIP is up just before it.
constexpr uint32_t kUpdateNs = 244'000;
// The first update comes half a second after the divider is let go.
constexpr uint32_t kDividerReleaseNs = kSecondNs / 2;
// The alarm is looked at this often in case the host's clock was set.
constexpr int64_t kMaxAlarmWaitSeconds = 60;

// Bounds that keep every sum in range, for configuration and restored states.
constexpr int64_t kMaxConfigOffsetSeconds = int64_t{1} << 40;
constexpr int64_t kMaxOffsetSeconds = int64_t{1} << 42;
constexpr uint64_t kMiB = 1024 * 1024;

bool isTimeRegister(uint8_t index) {
    switch (index) {
    case kSeconds:
    case kMinutes:
    case kHours:
    case kWeekday:
    case kDay:
    case kMonth:
    case kYear:
    case kCentury:
        return true;
    default:
        return false;
    }
}

} // namespace

Result<std::unique_ptr<Rtc>> Rtc::create(PortBus& ports, InterruptSink& interrupts,
                                         TimerQueue& timers, const RtcConfig& config) {
    if (config.memoryBelow4GiB < kMiB || config.memoryBelow4GiB > uint64_t{4} << 30)
        return fail(ErrorCode::InvalidArgument, "rtc: memory below 4 GiB out of range");
    if (config.cpuCount < 1)
        return fail(ErrorCode::InvalidArgument, "rtc: CPU count out of range");
    if (config.offsetSeconds < -kMaxConfigOffsetSeconds ||
        config.offsetSeconds > kMaxConfigOffsetSeconds)
        return fail(ErrorCode::InvalidArgument, "rtc: offset from UTC out of range");
    std::unique_ptr<Rtc> rtc(new Rtc(interrupts, timers, config));
    rtc->m_mapping = TRY(ports.map("rtc", kFirstPort, kPortCount,
                                   byteIoHandler<&Rtc::readPort, &Rtc::writePort>(rtc.get())));
    return rtc;
}

Rtc::Rtc(InterruptSink& interrupts, TimerQueue& timers, const RtcConfig& config)
    : m_config(config), m_clock(timers.clock()), m_interrupt(interrupts, kInterruptGsi),
      m_timer(timers, [this] { timerExpired(); }) {
    powerCycle();
}

void Rtc::powerCycle() {
    m_state = {};
    m_state.memory = initialCmosMemory(m_config);
    m_state.memory[kStatusA] = kDivider32kHz | kRateDefault;
    m_state.memory[kStatusB] = k24Hours;
    m_state.memory[kStatusD] = kValidRamAndTime;
    m_state.offsetSeconds = m_config.offsetSeconds;
    m_state.lastSecond = calendarTime().second;
    m_state.lastTick = tickNow();
    updateInterrupt();
}

// Data sheet, "RESET": interrupt enables, flags and the square wave go, calendar and RAM stay.
void Rtc::reset() {
    settleFlags();
    m_state.index = 0;
    m_state.extendedIndex = 0;
    m_state.statusC = 0;
    m_state.memory[kStatusB] &= static_cast<uint8_t>(~(kInterrupts | kSquareWave));
    updateInterrupt();
}

uint8_t Rtc::readPort(uint64_t offset) {
    switch (offset) {
    case 1:
        return readRegister(m_state.index);
    case 3:
        return m_state.memory[0x80 + m_state.extendedIndex];
    default: // the index ports are write-only
        return 0xFF;
    }
}

void Rtc::writePort(uint64_t offset, uint8_t value) {
    switch (offset) {
    case 0: // bit 7 masks NMIs, of which this machine has none
        m_state.index = value & 0x7F;
        break;
    case 1:
        writeRegister(m_state.index, value);
        break;
    case 2:
        m_state.extendedIndex = value & 0x7F;
        break;
    default:
        m_state.memory[0x80 + m_state.extendedIndex] = value;
        break;
    }
}

uint8_t Rtc::readRegister(uint8_t index) {
    if (isTimeRegister(index)) {
        if (running())
            storeTime(calendarTime().second);
        return m_state.memory[index];
    }
    if (index == kStatusA) {
        bool updating = running() && calendarTime().nanosecond >= kSecondNs - kUpdateNs;
        return m_state.memory[kStatusA] | (updating ? kUpdateInProgress : 0);
    }
    if (index == kStatusC) {
        settleFlags();
        uint8_t flags = m_state.statusC;
        if (flags & m_state.memory[kStatusB])
            flags |= kInterruptRequest;
        m_state.statusC = 0;
        updateInterrupt();
        return flags;
    }
    return m_state.memory[index];
}

void Rtc::writeRegister(uint8_t index, uint8_t value) {
    settleFlags();
    if (isTimeRegister(index)) {
        bool ticking = running();
        CalendarTime now = calendarTime();
        if (ticking)
            storeTime(now.second);
        m_state.memory[index] = value;
        if (ticking)
            startCalendar(loadTime(), now.nanosecond);
    } else if (index == kStatusA) {
        writeStatusA(value);
    } else if (index == kStatusB) {
        writeStatusB(value);
    } else if (index != kStatusC && index != kStatusD) {
        m_state.memory[index] = value;
    }
    updateInterrupt();
}

void Rtc::writeStatusA(uint8_t value) {
    bool wasRunning = running();
    if (wasRunning)
        storeTime(calendarTime().second);
    m_state.memory[kStatusA] = value & static_cast<uint8_t>(~kUpdateInProgress);
    if (!wasRunning && running())
        startCalendar(loadTime(), kDividerReleaseNs);
}

void Rtc::writeStatusB(uint8_t value) {
    bool wasRunning = running();
    if (wasRunning)
        storeTime(calendarTime().second); // in the format of before
    if (value & kSet)
        value &= static_cast<uint8_t>(~kUpdateEnded); // data sheet, register B, SET
    m_state.memory[kStatusB] = value;
    // The divider has gone on meanwhile: only the seconds are new, not their phase.
    if (!wasRunning && running())
        startCalendar(loadTime(), calendarTime().nanosecond);
}

bool Rtc::running() const {
    return !(m_state.memory[kStatusB] & kSet) &&
           (m_state.memory[kStatusA] & kDivider) <= kDivider32kHz;
}

Rtc::CalendarTime Rtc::calendarTime() const {
    int64_t wallNs = m_clock.wallClockNs() + m_state.phaseNs;
    int64_t second = wallNs / kSecondNs;
    int64_t nanosecond = wallNs % kSecondNs;
    if (nanosecond < 0) {
        nanosecond += kSecondNs;
        --second;
    }
    return {second + m_state.offsetSeconds, static_cast<uint32_t>(nanosecond)};
}

void Rtc::startCalendar(int64_t second, uint32_t nanosecond) {
    m_state.phaseNs = 0;
    uint32_t natural = calendarTime().nanosecond;
    m_state.phaseNs = (nanosecond + kSecondNs - natural) % kSecondNs;
    m_state.offsetSeconds += second - calendarTime().second;
    m_state.lastSecond = second;
}

uint8_t Rtc::encode(uint32_t value) const {
    if (m_state.memory[kStatusB] & kBinary)
        return static_cast<uint8_t>(value);
    return static_cast<uint8_t>(value / 10 % 10 << 4 | value % 10);
}

uint32_t Rtc::decode(uint8_t value) const {
    if (m_state.memory[kStatusB] & kBinary)
        return value;
    return (value >> 4) * 10u + (value & 0x0F);
}

uint32_t Rtc::decodeHour(uint8_t value) const {
    if (m_state.memory[kStatusB] & k24Hours)
        return decode(value);
    uint32_t hour = decode(value & 0x7F) % 12;
    return value & kAfternoon ? hour + 12 : hour;
}

// The time registers as they read at calendar second `second`.
void Rtc::storeTime(int64_t second) {
    CalendarDate date = calendarDate(second);
    auto& memory = m_state.memory;
    memory[kSeconds] = encode(date.second);
    memory[kMinutes] = encode(date.minute);
    if (memory[kStatusB] & k24Hours) {
        memory[kHours] = encode(date.hour);
    } else {
        uint8_t hour = encode((date.hour + 11) % 12 + 1);
        memory[kHours] = date.hour >= 12 ? hour | kAfternoon : hour;
    }
    memory[kWeekday] = encode(date.weekday);
    memory[kDay] = encode(date.day);
    memory[kMonth] = encode(date.month);
    auto year = static_cast<uint32_t>((date.year % 10000 + 10000) % 10000);
    memory[kYear] = encode(year % 100);
    memory[kCentury] = encode(year / 100);
}

int64_t Rtc::loadTime() const {
    const auto& memory = m_state.memory;
    CalendarDate date{};
    date.second = decode(memory[kSeconds]);
    date.minute = decode(memory[kMinutes]);
    date.hour = decodeHour(memory[kHours]);
    date.day = decode(memory[kDay]);
    date.month = decode(memory[kMonth]);
    date.year = int64_t{decode(memory[kCentury])} * 100 + decode(memory[kYear]);
    return calendarSecond(date);
}

// The first second after `after` at which hours, minutes and seconds match the alarm bytes; nullopt
// when they never do.
std::optional<int64_t> Rtc::nextAlarm(int64_t after) const {
    const auto& memory = m_state.memory;
    auto field = [](uint8_t byte, uint32_t value) {
        return byte >= kAlarmAny ? std::nullopt : std::optional<int64_t>(value);
    };
    auto second = field(memory[kSecondsAlarm], decode(memory[kSecondsAlarm]));
    auto minute = field(memory[kMinutesAlarm], decode(memory[kMinutesAlarm]));
    auto hour = field(memory[kHoursAlarm], decodeHour(memory[kHoursAlarm]));
    if (second.value_or(0) > 59 || minute.value_or(0) > 59 || hour.value_or(0) > 23)
        return std::nullopt;
    // Each step goes to the next start of a matching hour, minute or second; a carry out of a
    // later field starts over, at most twice.
    int64_t time = after + 1;
    for (int step = 0; step < 8; ++step) {
        CalendarDate date = calendarDate(time);
        int64_t ofHour = int64_t{date.minute} * 60 + date.second;
        if (hour && *hour != date.hour)
            time += (*hour - date.hour + 24) % 24 * 3600 - ofHour;
        else if (minute && *minute != date.minute)
            time += (*minute - date.minute + 60) % 60 * 60 - date.second;
        else if (second && *second != date.second)
            time += (*second - date.second + 60) % 60;
        else
            return time;
    }
    return std::nullopt;
}

uint64_t Rtc::tickNow() const {
    uint64_t nowNs = m_clock.nowNs();
    return nowNs / kSecondNs * kTicksPerSecond + nowNs % kSecondNs * kTicksPerSecond / kSecondNs;
}

// Data sheet, table "periodic interrupt rate", 32.768 kHz time base; 0: no periodic interrupt.
uint32_t Rtc::periodTicks() const {
    uint32_t rate = m_state.memory[kStatusA] & kRate;
    if (rate == 0 || (m_state.memory[kStatusA] & kDivider) > kDivider32kHz)
        return 0;
    return rate <= 2 ? 64u << rate : 1u << (rate - 1);
}

// Brings the flags of register C up to now. They are set whether or not their interrupts are
// enabled, for guests that poll.
void Rtc::settleFlags() {
    m_state.statusC = flagsNow();
    m_state.lastTick = tickNow();
    if (running())
        m_state.lastSecond = calendarTime().second;
}

uint8_t Rtc::flagsNow() const {
    uint8_t flags = m_state.statusC;
    uint32_t period = periodTicks();
    if (period && tickNow() / period != m_state.lastTick / period)
        flags |= kPeriodic;
    if (!running() || calendarTime().second == m_state.lastSecond)
        return flags;
    flags |= kUpdateEnded;
    if (auto alarm = nextAlarm(m_state.lastSecond); alarm && *alarm <= calendarTime().second)
        flags |= kAlarm;
    return flags;
}

// The line follows the enabled flags; while it is low and something is enabled, the timer waits
// for the next cause.
void Rtc::updateInterrupt() {
    uint8_t enabled = m_state.memory[kStatusB] & kInterrupts;
    m_interrupt.set(m_state.statusC & enabled);
    std::optional<uint64_t> deadlineNs;
    auto wakeAt = [&](uint64_t ns) { deadlineNs = std::min(deadlineNs.value_or(ns), ns); };
    if (enabled && !m_interrupt.high()) {
        uint64_t nowNs = m_clock.nowNs();
        if (uint32_t period = periodTicks(); period && enabled & kPeriodic) {
            uint64_t tick = (tickNow() / period + 1) * period;
            uint64_t fraction = tick % kTicksPerSecond * kSecondNs;
            wakeAt(tick / kTicksPerSecond * kSecondNs +
                   (fraction + kTicksPerSecond - 1) / kTicksPerSecond);
        }
        if (running()) {
            CalendarTime now = calendarTime();
            if (enabled & kUpdateEnded)
                wakeAt(nowNs + (kSecondNs - now.nanosecond));
            if (auto alarm = enabled & kAlarm ? nextAlarm(now.second) : std::nullopt) {
                int64_t seconds = std::min(*alarm - now.second, kMaxAlarmWaitSeconds);
                wakeAt(nowNs + static_cast<uint64_t>(seconds) * kSecondNs - now.nanosecond);
            }
        }
    }
    if (deadlineNs)
        m_timer.arm(*deadlineNs);
    else
        m_timer.cancel();
}

void Rtc::timerExpired() {
    settleFlags();
    updateInterrupt();
}

void Rtc::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.beginSection(name(), stateVersion());
    // As settled now, whenever that was done last.
    writer.fields(s.index, s.extendedIndex, flagsNow(), s.memory, s.offsetSeconds, s.phaseNs,
                  running() ? calendarTime().second : s.lastSecond, tickNow());
}

Result<void> Rtc::restore(StateReader& reader) {
    auto state = readState(reader);
    if (!state) {
        powerCycle();
        return state.error();
    }
    m_state = *state;
    updateInterrupt();
    return {};
}

Result<Rtc::State> Rtc::readState(StateReader& reader) const {
    TRY(reader.enterSection(name(), stateVersion()));
    State s;
    TRY(reader.fields(s.index, s.extendedIndex, s.statusC, s.memory, s.offsetSeconds, s.phaseNs,
                      s.lastSecond, s.lastTick));
    auto bounded = [](int64_t value) {
        return value >= -kMaxOffsetSeconds && value <= kMaxOffsetSeconds;
    };
    if (s.index >= 0x80 || s.extendedIndex >= 0x80 || (s.statusC & ~kInterrupts) != 0 ||
        s.phaseNs >= kSecondNs || !bounded(s.offsetSeconds) || !bounded(s.lastSecond))
        return fail(ErrorCode::Corrupt, "rtc: saved state out of range");
    s.memory[kStatusA] &= static_cast<uint8_t>(~kUpdateInProgress);
    s.memory[kStatusD] = kValidRamAndTime;
    return s;
}

} // namespace vivarium
