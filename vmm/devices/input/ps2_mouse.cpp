#include "vmm/devices/input/ps2_mouse.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace vivarium {

namespace {

// IBM Personal System/2 Mouse Technical Reference; wheel and further buttons as in Microsoft's
// IntelliMouse and IntelliMouse Explorer.
enum Command : uint8_t {
    kScaling1To1 = 0xE6,
    kScaling2To1 = 0xE7,
    kSetResolution = 0xE8,
    kStatusRequest = 0xE9,
    kStreamMode = 0xEA,
    kReadData = 0xEB,
    kResetWrap = 0xEC,
    kWrapMode = 0xEE,
    kRemoteMode = 0xF0,
    kReadId = 0xF2,
    kSetSampleRate = 0xF3,
    kEnable = 0xF4,
    kDisable = 0xF5,
    kSetDefaults = 0xF6,
    kResend = 0xFE,
    kReset = 0xFF,
};

constexpr uint8_t kFirstCommand = kScaling1To1;

constexpr uint8_t kAck = 0xFA;
constexpr uint8_t kSelfTestPassed = 0xAA;

constexpr uint8_t kIdStandard = 0;
constexpr uint8_t kIdWheel = 3;
constexpr uint8_t kIdExplorer = 4;
constexpr std::array<uint8_t, 3> kWheelKnock{200, 100, 80};
constexpr std::array<uint8_t, 3> kExplorerKnock{200, 200, 80};

constexpr uint8_t kMaxSampleRate = 200;
constexpr uint8_t kMaxResolution = 3;
constexpr uint8_t kButtonMask = 0x1F;
constexpr uint8_t kThreeButtons = 0x07;
constexpr uint8_t kButtonsUnknown = 0xFF; // a packet with them was thrown away
constexpr int32_t kMaxCount = 255;        // nine-bit counters
constexpr int32_t kMaxWheelCount = 7;     // four bits in Explorer packets
constexpr int32_t kMaxWheel = 127;

int32_t addClamped(int32_t a, int32_t b, int32_t limit) {
    return static_cast<int32_t>(std::clamp<int64_t>(int64_t{a} + b, -limit, limit));
}

// 2:1 scaling makes slow motion finer (technical reference, "set scaling 2:1").
int32_t scaledTwoToOne(int32_t count) {
    constexpr int32_t kScaled[] = {0, 1, 1, 3, 6, 9};
    int32_t size = std::abs(count);
    int32_t scaled = size < 6 ? kScaled[size] : std::min(2 * size, kMaxCount);
    return count < 0 ? -scaled : scaled;
}

} // namespace

Ps2Mouse::Ps2Mouse(TimerQueue& timers, InputRouter& input, std::function<void()> bytesReady)
    : m_input(input), m_bytesReady(std::move(bytesReady)), m_clock(timers.clock()),
      m_sampleTimer(timers, [this] { sample(); }) {}

void Ps2Mouse::reset() {
    m_state = {};
    m_sampleTimer.cancel();
    m_input.priorityChanged();
}

void Ps2Mouse::setPortEnabled(bool enabled) {
    if (enabled == m_portEnabled)
        return;
    m_portEnabled = enabled;
    m_input.priorityChanged();
}

void Ps2Mouse::writeByte(uint8_t value) {
    if (m_state.wrap && value != kReset && value != kResetWrap) {
        reply(value);
        m_bytesReady();
        return;
    }
    // A command ends the transmission of movement: the host waits for the reply now.
    if (!m_state.packets.empty()) {
        m_state.packets.clear();
        m_state.sentButtons = kButtonsUnknown;
    }
    uint8_t pending = std::exchange(m_state.pendingCommand, 0);
    // A command in the place of an option gives the first command up.
    if (pending && value < kFirstCommand)
        runOption(pending, value);
    else
        runCommand(value);
    queuePacketIfDue();
    m_bytesReady();
}

void Ps2Mouse::runCommand(uint8_t command) {
    switch (command) {
    case kReset:
        m_state.replies.clear();
        setDefaults();
        m_state.id = kIdStandard;
        m_state.lastRates = {};
        reply(kAck);
        reply(kSelfTestPassed);
        reply(m_state.id);
        return;
    case kResend:
        reply(m_state.lastByte);
        return;
    case kStatusRequest:
        reply(kAck);
        replyStatus();
        return;
    case kReadData:
        reply(kAck);
        for (uint8_t byte : makePacket())
            reply(byte);
        return;
    case kReadId:
        reply(kAck);
        reply(m_state.id);
        return;
    case kScaling1To1:
        m_state.doubleScaling = false;
        break;
    case kScaling2To1:
        m_state.doubleScaling = true;
        break;
    case kSetResolution:
    case kSetSampleRate:
        m_state.pendingCommand = command;
        break;
    case kStreamMode:
        m_state.remote = false;
        clearMotion();
        break;
    case kRemoteMode:
        m_state.remote = true;
        clearMotion();
        break;
    case kWrapMode:
        m_state.wrap = true;
        break;
    case kResetWrap:
        m_state.wrap = false;
        break;
    case kEnable:
        setReporting(true);
        break;
    case kDisable:
        setReporting(false);
        break;
    case kSetDefaults:
        setDefaults();
        break;
    default:
        reply(kResend);
        return;
    }
    reply(kAck);
}

void Ps2Mouse::runOption(uint8_t command, uint8_t option) {
    if (command == kSetResolution) {
        bool valid = option <= kMaxResolution;
        if (valid)
            m_state.resolution = option;
        reply(valid ? kAck : uint8_t{kResend});
        return;
    }
    if (option == 0 || option > kMaxSampleRate) {
        reply(kResend);
        return;
    }
    m_state.sampleRate = option;
    auto& rates = m_state.lastRates;
    rates = {rates[1], rates[2], option};
    if (rates == kWheelKnock)
        m_state.id = kIdWheel;
    else if (rates == kExplorerKnock)
        m_state.id = kIdExplorer;
    reply(kAck);
}

void Ps2Mouse::replyStatus() {
    uint8_t flags = 0;
    flags |= m_state.remote ? 0x40 : 0;
    flags |= m_state.reporting ? 0x20 : 0;
    flags |= m_state.doubleScaling ? 0x10 : 0;
    flags |= m_state.buttons & 1 ? 0x04 : 0;
    flags |= m_state.buttons & 4 ? 0x02 : 0;
    flags |= m_state.buttons & 2 ? 0x01 : 0;
    reply(flags);
    reply(m_state.resolution);
    reply(m_state.sampleRate);
}

void Ps2Mouse::reply(uint8_t value) {
    if (m_state.replies.size() < kMaxReplyBytes)
        m_state.replies.push_back(value);
}

void Ps2Mouse::setDefaults() {
    State defaults;
    m_state.remote = defaults.remote;
    m_state.wrap = defaults.wrap;
    m_state.doubleScaling = defaults.doubleScaling;
    m_state.resolution = defaults.resolution;
    m_state.sampleRate = defaults.sampleRate;
    setReporting(false);
}

void Ps2Mouse::setReporting(bool on) {
    m_state.reporting = on;
    clearMotion();
    m_input.priorityChanged();
}

void Ps2Mouse::clearMotion() {
    m_state.dx = m_state.dy = m_state.wheel = 0;
    m_state.sentButtons = visibleButtons();
}

uint8_t Ps2Mouse::takeByte() {
    auto& queue = m_state.replies.empty() ? m_state.packets : m_state.replies;
    m_state.lastByte = queue.front();
    queue.erase(queue.begin());
    queuePacketIfDue();
    return m_state.lastByte;
}

void Ps2Mouse::relativePointer(const RelativePointerEvent& event) {
    m_state.dx = addClamped(m_state.dx, event.dx, kMaxMotion);
    m_state.dy = addClamped(m_state.dy, event.dy, kMaxMotion);
    m_state.wheel = addClamped(m_state.wheel, event.wheel, kMaxWheel);
    m_state.buttons = event.buttons & kButtonMask;
    sample();
}

void Ps2Mouse::sample() {
    if (queuePacketIfDue())
        m_bytesReady();
}

uint8_t Ps2Mouse::visibleButtons() const {
    return m_state.id == kIdExplorer ? m_state.buttons : m_state.buttons & kThreeButtons;
}

// Movement waits for the sample time and for the guest to have read the last packet, and adds up
// meanwhile; buttons do not wait, so that a quick click is not lost.
bool Ps2Mouse::queuePacketIfDue() {
    bool buttons = visibleButtons() != m_state.sentButtons;
    bool motion = m_state.dx || m_state.dy || (m_state.wheel && m_state.id != kIdStandard);
    bool sends = m_state.reporting && !m_state.remote && !m_state.wrap;
    size_t waiting = m_state.packets.size();
    bool fits = buttons ? waiting + packetSize() <= kMaxPacketBytes : waiting == 0;
    m_sampleTimer.cancel();
    if (!sends || !(buttons || motion) || !fits)
        return false;
    uint64_t nowNs = m_clock.nowNs();
    if (!buttons && nowNs < m_state.nextPacketNs) {
        m_sampleTimer.arm(m_state.nextPacketNs);
        return false;
    }
    auto packet = makePacket();
    m_state.packets.insert(m_state.packets.end(), packet.begin(), packet.end());
    m_state.nextPacketNs = nowNs + 1'000'000'000 / m_state.sampleRate;
    return true;
}

std::vector<uint8_t> Ps2Mouse::makePacket() {
    State& s = m_state;
    int32_t dx = std::clamp(s.dx, -kMaxCount, kMaxCount);
    int32_t dy = std::clamp(s.dy, -kMaxCount, kMaxCount);
    s.dx -= dx;
    s.dy -= dy;
    bool scaled = s.doubleScaling && !s.remote;
    int32_t x = scaled ? scaledTwoToOne(dx) : dx;
    int32_t y = -(scaled ? scaledTwoToOne(dy) : dy); // the mouse counts upwards
    s.sentButtons = visibleButtons();
    uint8_t flags = 0x08 | (s.buttons & kThreeButtons);
    flags |= x < 0 ? 0x10 : 0;
    flags |= y < 0 ? 0x20 : 0;
    std::vector<uint8_t> packet{flags, static_cast<uint8_t>(x), static_cast<uint8_t>(y)};
    if (s.id == kIdStandard) {
        s.wheel = 0;
        return packet;
    }
    int32_t notches = std::clamp(s.wheel, -kMaxWheelCount, kMaxWheelCount);
    s.wheel -= notches;
    auto z = static_cast<uint8_t>(-notches); // towards the user is positive
    if (s.id == kIdExplorer)
        z = static_cast<uint8_t>((z & 0x0F) | (s.buttons & 0x18) << 1);
    packet.push_back(z);
    return packet;
}

void Ps2Mouse::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.fields(s.reporting, s.remote, s.wrap, s.doubleScaling, s.resolution, s.sampleRate, s.id,
                  s.lastRates, s.pendingCommand, s.lastByte, s.dx, s.dy, s.wheel, s.buttons,
                  s.sentButtons, s.nextPacketNs, s.replies, s.packets);
}

Result<void> Ps2Mouse::restore(StateReader& reader) {
    State s;
    TRY(reader.fields(s.reporting, s.remote, s.wrap, s.doubleScaling, s.resolution, s.sampleRate,
                      s.id, s.lastRates, s.pendingCommand, s.lastByte, s.dx, s.dy, s.wheel,
                      s.buttons, s.sentButtons, s.nextPacketNs, s.replies, s.packets));
    auto bounded = [](int32_t value, int32_t limit) { return value >= -limit && value <= limit; };
    bool knownId = s.id == kIdStandard || s.id == kIdWheel || s.id == kIdExplorer;
    bool knownCommand = s.pendingCommand == 0 || s.pendingCommand == kSetResolution ||
                        s.pendingCommand == kSetSampleRate;
    if (!knownId || !knownCommand || s.resolution > kMaxResolution || s.sampleRate == 0 ||
        s.sampleRate > kMaxSampleRate || !bounded(s.dx, kMaxMotion) || !bounded(s.dy, kMaxMotion) ||
        !bounded(s.wheel, kMaxWheel) || s.buttons > kButtonMask ||
        s.replies.size() > kMaxReplyBytes || s.packets.size() > kMaxPacketBytes)
        return fail(ErrorCode::Corrupt, "mouse: saved state out of range");
    // The next sample is never further away than one period.
    s.nextPacketNs =
        std::min<uint64_t>(s.nextPacketNs, m_clock.nowNs() + 1'000'000'000 / s.sampleRate);
    m_state = std::move(s);
    queuePacketIfDue();
    m_input.priorityChanged();
    return {};
}

} // namespace vivarium
