#include "vmm/devices/input/ps2_keyboard.h"

#include "vmm/devices/input/scan_codes.h"

#include <algorithm>
#include <utility>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

// IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-key)".
enum Command : uint8_t {
    kSetLeds = 0xED,
    kEcho = 0xEE,
    kScanCodeSet = 0xF0,
    kReadId = 0xF2,
    kSetTypematic = 0xF3,
    kEnable = 0xF4,
    kDisable = 0xF5, // and set defaults
    kSetDefaults = 0xF6,
    kAllTypematic = 0xF7,
    kAllTypematicMakeBreak = 0xFA,
    kKeyTypematic = 0xFB,
    kKeyMakeBreak = 0xFC,
    kKeyMake = 0xFD,
    kResend = 0xFE,
    kReset = 0xFF,
};
constexpr uint8_t kFirstCommand = kSetLeds;

constexpr uint8_t kAck = 0xFA;
constexpr uint8_t kSelfTestPassed = 0xAA;
constexpr uint8_t kIdBytes[] = {0xAB, 0x83};

constexpr uint8_t kLedMask = 0x07;
constexpr uint8_t kTypematicMask = 0x7F;

bool takesOption(uint8_t command) {
    switch (command) {
    case kSetLeds:
    case kScanCodeSet:
    case kSetTypematic:
    case kKeyTypematic:
    case kKeyMakeBreak:
    case kKeyMake:
        return true;
    default:
        return false;
    }
}

} // namespace

Ps2Keyboard::Ps2Keyboard(TimerQueue& timers, InputRouter& input, std::function<void()> bytesReady)
    : m_input(input), m_bytesReady(std::move(bytesReady)), m_clock(timers.clock()),
      m_repeatTimer(timers, [this] { repeat(); }) {}

void Ps2Keyboard::reset() {
    m_state = {};
    armRepeat();
    m_input.setLeds({});
    m_input.priorityChanged();
}

void Ps2Keyboard::writeByte(uint8_t value) {
    uint8_t pending = std::exchange(m_state.pendingCommand, 0);
    // A command in the place of an option gives the first command up.
    if (pending && value < kFirstCommand)
        runOption(pending, value);
    else
        runCommand(value);
    m_bytesReady();
}

void Ps2Keyboard::runCommand(uint8_t command) {
    if (takesOption(command)) {
        m_state.pendingCommand = command;
        reply(kAck);
        return;
    }
    switch (command) {
    case kEcho:
        reply(kEcho);
        break;
    case kReadId:
        reply(kAck);
        for (uint8_t byte : kIdBytes)
            reply(byte);
        break;
    case kEnable:
        m_state.scanCodes.clear();
        setScanning(true);
        reply(kAck);
        break;
    case kDisable:
        setDefaults();
        setScanning(false);
        reply(kAck);
        break;
    case kSetDefaults:
        setDefaults();
        reply(kAck);
        break;
    case kResend:
        reply(m_state.lastByte);
        break;
    case kReset:
        m_state.replies.clear();
        setDefaults();
        setLeds(0);
        setScanning(true);
        reply(kAck);
        reply(kSelfTestPassed);
        break;
    default:
        // The key types of set 3 change nothing: all keys make, break and repeat here.
        if (command >= kAllTypematic && command <= kAllTypematicMakeBreak)
            reply(kAck);
        else
            reply(kResend);
        break;
    }
}

void Ps2Keyboard::runOption(uint8_t command, uint8_t option) {
    switch (command) {
    case kSetLeds:
        setLeds(option & kLedMask);
        reply(kAck);
        break;
    case kSetTypematic:
        m_state.typematic = option & kTypematicMask;
        reply(kAck);
        break;
    case kScanCodeSet:
        if (option > 3) {
            reply(kResend);
            break;
        }
        reply(kAck);
        if (option == 0) {
            reply(m_state.scanCodeSet);
        } else {
            m_state.scanCodeSet = option;
            m_state.scanCodes.clear();
        }
        break;
    default: // scan codes whose key type is set; any number of them
        m_state.pendingCommand = command;
        reply(kAck);
        break;
    }
}

void Ps2Keyboard::reply(uint8_t value) {
    if (m_state.replies.size() < kMaxReplyBytes)
        m_state.replies.push_back(value);
}

void Ps2Keyboard::setDefaults() {
    m_state.scanCodes.clear();
    m_state.pressed = {};
    m_state.typematic = State().typematic;
    m_state.scanCodeSet = State().scanCodeSet;
    stopRepeat();
}

void Ps2Keyboard::setScanning(bool on) {
    if (!on)
        stopRepeat();
    m_state.scanning = on;
    m_input.priorityChanged();
}

void Ps2Keyboard::setLeds(uint8_t leds) {
    m_state.leds = leds;
    m_input.setLeds(
        {.scrollLock = (leds & 1) != 0, .numLock = (leds & 2) != 0, .capsLock = (leds & 4) != 0});
}

std::optional<Ps2Keyboard::ByteKind> Ps2Keyboard::nextByteKind() const {
    if (!m_state.replies.empty())
        return ByteKind::Reply;
    if (!m_state.scanCodes.empty())
        return ByteKind::ScanCode;
    return std::nullopt;
}

uint8_t Ps2Keyboard::takeByte() {
    auto& queue = m_state.replies.empty() ? m_state.scanCodes : m_state.replies;
    m_state.lastByte = queue.front();
    queue.erase(queue.begin());
    return m_state.lastByte;
}

void Ps2Keyboard::key(KeyCode code, bool down) {
    auto index = static_cast<size_t>(code);
    if (index >= m_state.pressed.size() * 8 || !m_state.scanning)
        return;
    if (down == isPressed(code))
        return;
    if (down && m_state.scanCodes.size() > kMaxQueuedBeforePress)
        return;
    uint8_t bit = static_cast<uint8_t>(1u << index % 8);
    if (down) {
        m_state.pressed[index / 8] |= bit;
        startRepeat(code);
    } else {
        m_state.pressed[index / 8] &= static_cast<uint8_t>(~bit);
        if (m_state.repeatingKey == index)
            stopRepeat();
    }
    appendScanCode(code, down);
    m_bytesReady();
}

void Ps2Keyboard::appendScanCode(KeyCode code, bool down) {
    auto held = [&](unsigned left, unsigned right) {
        return isPressed(KeyCode(left)) || isPressed(KeyCode(right));
    };
    ScanCodeModifiers modifiers{.shift = held(KEY_LEFTSHIFT, KEY_RIGHTSHIFT),
                                .ctrl = held(KEY_LEFTCTRL, KEY_RIGHTCTRL),
                                .alt = held(KEY_LEFTALT, KEY_RIGHTALT)};
    auto bytes = scanCodeBytes(code, down, m_state.scanCodeSet, modifiers);
    if (m_state.scanCodes.size() + bytes.size() <= kMaxScanCodeBytes)
        m_state.scanCodes.insert(m_state.scanCodes.end(), bytes.begin(), bytes.end());
}

bool Ps2Keyboard::isPressed(KeyCode code) const {
    auto index = static_cast<size_t>(code);
    return m_state.pressed[index / 8] >> index % 8 & 1;
}

void Ps2Keyboard::startRepeat(KeyCode code) {
    bool repeats = keyRepeats(code);
    m_state.repeatingKey = repeats ? static_cast<uint16_t>(code) : 0;
    m_state.repeatDeadlineNs = repeats ? m_clock.nowNs() + repeatDelayNs() : 0;
    armRepeat();
}

void Ps2Keyboard::stopRepeat() {
    m_state.repeatingKey = 0;
    m_state.repeatDeadlineNs = 0;
    armRepeat();
}

void Ps2Keyboard::armRepeat() {
    if (m_state.repeatingKey)
        m_repeatTimer.arm(m_state.repeatDeadlineNs);
    else
        m_repeatTimer.cancel();
}

void Ps2Keyboard::repeat() {
    m_state.repeatDeadlineNs = m_clock.nowNs() + repeatPeriodNs();
    armRepeat();
    // A guest that lags gets no backlog of repeats.
    if (!m_state.scanCodes.empty())
        return;
    appendScanCode(KeyCode(m_state.repeatingKey), true);
    m_bytesReady();
}

// Bits 6-5: (1 + n) * 250 ms.
uint64_t Ps2Keyboard::repeatDelayNs() const {
    return (1 + (m_state.typematic >> 5 & 3)) * uint64_t{250'000'000};
}

// Bits 4-0: (8 + bits 2-0) * 2^(bits 4-3) / 240 s.
uint64_t Ps2Keyboard::repeatPeriodNs() const {
    uint64_t units = uint64_t{8} + (m_state.typematic & 7u);
    return (units << (m_state.typematic >> 3 & 3)) * 1'000'000'000 / 240;
}

void Ps2Keyboard::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.fields(s.scanning, s.scanCodeSet, s.leds, s.typematic, s.pendingCommand, s.lastByte,
                  s.repeatingKey, s.repeatDeadlineNs, s.pressed, s.replies, s.scanCodes);
}

Result<void> Ps2Keyboard::restore(StateReader& reader) {
    State s;
    TRY(reader.fields(s.scanning, s.scanCodeSet, s.leds, s.typematic, s.pendingCommand, s.lastByte,
                      s.repeatingKey, s.repeatDeadlineNs, s.pressed, s.replies, s.scanCodes));
    if (s.scanCodeSet < 1 || s.scanCodeSet > 3 || s.leds > kLedMask ||
        s.typematic > kTypematicMask || (s.pendingCommand && !takesOption(s.pendingCommand)) ||
        s.repeatingKey >= s.pressed.size() * 8 || s.replies.size() > kMaxReplyBytes ||
        s.scanCodes.size() > kMaxScanCodeBytes)
        return fail(ErrorCode::Corrupt, "keyboard: saved state out of range");
    m_state = std::move(s);
    armRepeat();
    setLeds(m_state.leds);
    m_input.priorityChanged();
    return {};
}

} // namespace vivarium
