#include "vmm/devices/interrupt/pit.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

// Faster interrupts than these only keep the host busy.
constexpr uint64_t kMinPeriodNs = 50'000;
constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kMaxLateRises = 1000;

uint64_t ticksOf(uint64_t ns) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(ns) * Pit::kHz / kNsPerSecond);
}
// The first moment at which `ticks` have passed.
uint64_t nsOf(uint64_t ticks) {
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(ticks) * kNsPerSecond + Pit::kHz - 1) / Pit::kHz);
}

uint16_t toBcd(uint32_t value) {
    return static_cast<uint16_t>(value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 |
                                 value / 1000 % 10 << 12);
}
uint32_t fromBcd(uint32_t value) {
    return (value & 0xF) + (value >> 4 & 0xF) * 10 + (value >> 8 & 0xF) * 100 +
           (value >> 12 & 0xF) * 1000;
}
uint32_t modulus(const Pit::Channel& channel) {
    return channel.bcd ? 10000 : 65536;
}
bool isPeriodic(const Pit::Channel& channel) {
    return channel.mode == 2 || channel.mode == 3;
}
// Modes that a low gate stops (8254, table "Gate pin operations"); 1 and 5 only start by it.
bool gateHolds(const Pit::Channel& channel) {
    return channel.mode == 0 || channel.mode == 4;
}

} // namespace

Pit::Pit(TimerQueue& timers, std::function<void(bool)> setLine)
    : m_timers(timers), m_setLine(std::move(setLine)), m_rise(timers, [this] { risen(); }) {
    reset();
}

void Pit::reset() {
    m_state = {};
    const uint64_t now = nowNs();
    for (unsigned i = 0; i < kChannels; ++i) {
        Channel& channel = m_state.channels[i];
        channel.mode = i == 1 ? 2 : 3; // undefined by the chip; as PC firmware expects it
        channel.gate = i != 2;         // port 0x61 is 0
        channel.loadTimeNs = now;
    }
    m_rise.cancel();
}

void Pit::setState(const State& state) {
    m_state = state;
    const uint64_t now = nowNs();
    for (Channel& channel : m_state.channels) {
        channel.mode = channel.mode > 5 ? 0 : channel.mode;
        channel.access = channel.access < 1 || channel.access > 3 ? 3 : channel.access;
        channel.latchStep = channel.latchStep > 3 ? 0 : channel.latchStep;
        channel.readStep &= 1;
        channel.writeStep &= 1;
        channel.count = std::clamp<uint32_t>(channel.count, 1, modulus(channel));
        channel.heldTicks &= 0xFFFFFFFF;
        // A time that has not come is another clock's: the countdown begins anew.
        channel.loadTimeNs = std::min(channel.loadTimeNs, now);
    }
}

void Pit::connect(bool connected) {
    if (m_state.disconnected == !connected)
        return;
    m_state.disconnected = !connected;
    arm();
}

// --- Counting
// --------------------------------------------------------------------------------------

uint64_t Pit::elapsedTicks(const Channel& channel) const {
    if (!channel.gate && gateHolds(channel))
        return channel.heldTicks;
    const uint64_t now = nowNs();
    return ticksOf(now > channel.loadTimeNs ? now - channel.loadTimeNs : 0);
}

uint16_t Pit::currentCount(const Channel& channel) const {
    uint64_t ticks = elapsedTicks(channel);
    uint32_t value = 0;
    if (!channel.gate && isPeriodic(channel))
        ticks = 0; // stands still, and begins anew with the gate
    switch (channel.mode) {
    case 2:
        value = channel.count - static_cast<uint32_t>(ticks % channel.count);
        break;
    case 3: // counts down by two, twice a period (8254, "Mode 3")
        value = channel.count - static_cast<uint32_t>(ticks * 2 % channel.count);
        if (value & 1 && value > 1)
            --value;
        break;
    default: { // goes on through zero
        const uint32_t range = modulus(channel);
        value = (channel.count % range + range - static_cast<uint32_t>(ticks % range)) % range;
        break;
    }
    }
    value %= modulus(channel);
    return channel.bcd ? toBcd(value) : static_cast<uint16_t>(value);
}

bool Pit::output(const Channel& channel) const {
    const uint64_t ticks = elapsedTicks(channel);
    switch (channel.mode) {
    case 0:
    case 1:
        return ticks >= channel.count;
    case 2:
        return !channel.gate || ticks % channel.count != channel.count - 1;
    case 3:
        return !channel.gate || ticks % channel.count < (channel.count + 1) / 2;
    default: // a strobe of one tick
        return ticks != channel.count;
    }
}

void Pit::load(unsigned index, uint32_t value) {
    Channel& channel = m_state.channels[index];
    if (channel.bcd)
        value = fromBcd(value);
    channel.count = value == 0 ? modulus(channel) : std::min(value, modulus(channel));
    // Mode 1 and 5 begin with the gate; the others now. A periodic countdown would take the new
    // value at its end; software writes it to begin at once.
    channel.loadTimeNs = nowNs();
    channel.heldTicks = 0;
    if (index == 0)
        arm();
}

void Pit::setGate(unsigned index, bool gate) {
    Channel& channel = m_state.channels[index];
    if (channel.gate == gate)
        return;
    const uint64_t ticks = elapsedTicks(channel);
    channel.gate = gate;
    if (gateHolds(channel)) {
        if (!gate)
            channel.heldTicks = ticks;
        else
            channel.loadTimeNs = nowNs() - std::min(nowNs(), nsOf(channel.heldTicks));
    } else if (gate) { // the rising edge begins or repeats the countdown
        channel.loadTimeNs = nowNs();
    }
    if (index == 0)
        arm();
}

// --- Channel 0's interrupt
// ---------------------------------------------------------------------------

// When channel 0's output rises next; nullopt: not without further programming.
std::optional<uint64_t> Pit::nextRiseNs() const {
    const Channel& channel = m_state.channels[0];
    if (!channel.gate)
        return std::nullopt;
    const uint64_t ticks = elapsedTicks(channel);
    if (!isPeriodic(channel)) {
        const uint64_t end = channel.count + (channel.mode >= 4 ? 1u : 0u);
        if (ticks >= end)
            return std::nullopt;
        return channel.loadTimeNs + nsOf(end);
    }
    const uint64_t next = (ticks / channel.count + 1) * channel.count;
    return std::max(channel.loadTimeNs + nsOf(next), nowNs() + kMinPeriodNs / 2);
}

void Pit::arm() {
    m_rise.cancel();
    if (m_state.disconnected)
        return;
    // Only countdowns raise it: loading one would else be an interrupt of its own.
    if (!output(m_state.channels[0]))
        m_setLine(false);
    armRise();
}

void Pit::armRise() {
    if (const auto next = nextRiseNs()) {
        m_riseNs = *next;
        m_rise.arm(*next);
    }
}

// How often the output has risen by now, the one due then included: the timer's thread may be late.
uint64_t Pit::risesSinceDue() const {
    const Channel& channel = m_state.channels[0];
    const uint64_t now = nowNs();
    if (!isPeriodic(channel) || nsOf(channel.count) < kMinPeriodNs || now <= m_riseNs)
        return 1;
    return std::min(1 + ticksOf(now - m_riseNs) / channel.count, kMaxLateRises);
}

void Pit::risen() {
    if (m_state.disconnected)
        return;
    for (uint64_t left = risesSinceDue(); left > 0; --left) {
        m_setLine(false);
        m_setLine(true);
    }
    armRise();
}

// --- Ports
// -------------------------------------------------------------------------------------------

void Pit::latchCount(Channel& channel) const {
    if (channel.latchStep != 0)
        return; // the earlier one is still to be read
    channel.latchedCount = currentCount(channel);
    channel.latchStep = channel.access;
}

void Pit::writeControl(uint8_t value) {
    const unsigned index = value >> 6;
    if (index == 3) { // read-back command
        for (unsigned i = 0; i < kChannels; ++i) {
            Channel& channel = m_state.channels[i];
            if (!(value >> (i + 1) & 1))
                continue;
            if (!(value & 0x20))
                latchCount(channel);
            if (!(value & 0x10) && !channel.statusLatched) {
                channel.status =
                    static_cast<uint8_t>((output(channel) ? 0x80 : 0) | channel.access << 4 |
                                         channel.mode << 1 | (channel.bcd ? 1 : 0));
                channel.statusLatched = true;
            }
        }
        return;
    }
    Channel& channel = m_state.channels[index];
    const uint8_t access = value >> 4 & 3;
    if (access == 0)
        return latchCount(channel);
    channel.access = access;
    channel.readStep = channel.writeStep = 0;
    channel.latchStep = 0;
    channel.statusLatched = false;
    const uint8_t mode = value >> 1 & 7;
    channel.mode = mode > 5 ? mode & 3 : mode; // 6 and 7 are 2 and 3
    channel.bcd = value & 1;
    channel.count = std::min(channel.count, modulus(channel));
    channel.loadTimeNs = nowNs();
    channel.heldTicks = 0;
    if (index == 0)
        arm(); // with the old count until there is a new one
}

void Pit::writeCount(unsigned index, uint8_t value) {
    Channel& channel = m_state.channels[index];
    switch (channel.access) {
    case 1:
        load(index, value);
        break;
    case 2:
        load(index, static_cast<uint32_t>(value) << 8);
        break;
    default:
        if (channel.writeStep == 0) {
            channel.writeLatch = value;
            channel.writeStep = 1;
        } else {
            channel.writeStep = 0;
            load(index, static_cast<uint32_t>(value) << 8 | channel.writeLatch);
        }
        break;
    }
}

uint8_t Pit::readCount(Channel& channel) const {
    if (channel.statusLatched) {
        channel.statusLatched = false;
        return channel.status;
    }
    switch (channel.latchStep) {
    case 1:
        channel.latchStep = 0;
        return static_cast<uint8_t>(channel.latchedCount);
    case 2:
        channel.latchStep = 0;
        return static_cast<uint8_t>(channel.latchedCount >> 8);
    case 3:
        channel.latchStep = 2;
        return static_cast<uint8_t>(channel.latchedCount);
    default:
        break;
    }
    const uint16_t count = currentCount(channel);
    switch (channel.access) {
    case 1:
        return static_cast<uint8_t>(count);
    case 2:
        return static_cast<uint8_t>(count >> 8);
    default:
        channel.readStep ^= 1;
        return static_cast<uint8_t>(channel.readStep ? count : count >> 8);
    }
}

uint8_t Pit::read(uint64_t offset) {
    return offset < kChannels ? readCount(m_state.channels[offset]) : 0xFF;
}

void Pit::write(uint64_t offset, uint8_t value) {
    if (offset == kChannels)
        writeControl(value);
    else if (offset < kChannels)
        writeCount(static_cast<unsigned>(offset), value);
}

uint8_t Pit::readSpeaker() const {
    constexpr uint64_t kRefreshNs = 15'085; // the refresh request toggles
    const bool refresh = nowNs() / kRefreshNs & 1;
    const Channel& channel = m_state.channels[2];
    return static_cast<uint8_t>((channel.gate ? 1 : 0) | (m_state.speaker ? 2 : 0) |
                                (refresh ? 0x10 : 0) | (output(channel) ? 0x20 : 0));
}

void Pit::writeSpeaker(uint8_t value) {
    m_state.speaker = value & 2;
    setGate(2, value & 1);
}

} // namespace vivarium
