#include "vmm/devices/input/i8042.h"

#include "vmm/devices/input/scan_codes.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

// IBM Personal System/2 Hardware Interface Technical Reference, "Keyboard/Auxiliary Device
// Controller".
constexpr uint16_t kDataPort = 0x60;
constexpr uint16_t kCommandPort = 0x64;
constexpr uint32_t kKeyboardGsi = 1;
constexpr uint32_t kMouseGsi = 12;

// Status
constexpr uint8_t kOutputFull = 0x01;
constexpr uint8_t kLastWasCommand = 0x08;
constexpr uint8_t kNotInhibited = 0x10; // the key lock is open
constexpr uint8_t kMouseData = 0x20;

// Command byte
constexpr uint8_t kKeyboardInterrupt = 0x01;
constexpr uint8_t kMouseInterrupt = 0x02;
constexpr uint8_t kSystemFlag = 0x04; // the same bit in the status
constexpr uint8_t kKeyboardDisabled = 0x10;
constexpr uint8_t kMouseDisabled = 0x20;
constexpr uint8_t kTranslate = 0x40;

// Output port
constexpr uint8_t kNoReset = 0x01;
constexpr uint8_t kA20 = 0x02;
constexpr uint8_t kKeyboardFull = 0x10;
constexpr uint8_t kMouseFull = 0x20;
constexpr uint8_t kKeyboardLines = 0xC0; // clock and data are high

constexpr uint8_t kInputPort = 0xA0; // not inhibited, no manufacturing jumper

enum Command : uint8_t {
    kReadMemory = 0x20,  // ..0x3F
    kWriteMemory = 0x60, // ..0x7F
    kTestPassword = 0xA4,
    kDisableMouse = 0xA7,
    kEnableMouse = 0xA8,
    kTestMouse = 0xA9,
    kSelfTest = 0xAA,
    kTestKeyboard = 0xAB,
    kDisableKeyboard = 0xAD,
    kEnableKeyboard = 0xAE,
    kReadInputPort = 0xC0,
    kReadOutputPort = 0xD0,
    kWriteOutputPort = 0xD1,
    kWriteKeyboardOutput = 0xD2,
    kWriteMouseOutput = 0xD3,
    kWriteMouse = 0xD4,
    kClearA20 = 0xDD,
    kSetA20 = 0xDF,
    kReadTestInputs = 0xE0,
    kPulseOutputPort = 0xF0, // ..0xFF
};
constexpr uint8_t kMemoryIndexMask = 0x1F;
constexpr uint8_t kNoPassword = 0xF1;
constexpr uint8_t kSelfTestPassed = 0x55;
constexpr uint8_t kTestPassed = 0x00;

constexpr uint8_t kBreakPrefix = 0xF0;
constexpr uint8_t kSetOneBreak = 0x80;

bool takesData(uint8_t command) {
    return (command >= kWriteMemory && command <= (kWriteMemory | kMemoryIndexMask)) ||
           (command >= kWriteOutputPort && command <= kWriteMouse);
}

} // namespace

Result<std::unique_ptr<I8042>> I8042::create(PortBus& ports, InterruptSink& interrupts,
                                             TimerQueue& timers, SystemControl& system,
                                             InputRouter& input) {
    std::unique_ptr<I8042> device(new I8042(interrupts, timers, system, input));
    device->m_dataMapping = TRY(ports.map(
        "i8042", kDataPort, 1, byteIoHandler<&I8042::readData, &I8042::writeData>(device.get())));
    device->m_statusMapping =
        TRY(ports.map("i8042", kCommandPort, 1,
                      byteIoHandler<&I8042::readStatus, &I8042::writeCommand>(device.get())));
    return device;
}

I8042::I8042(InterruptSink& interrupts, TimerQueue& timers, SystemControl& system,
             InputRouter& input)
    : m_system(system), m_input(input), m_clock(timers.clock()),
      m_keyboardInterrupt(interrupts, kKeyboardGsi), m_mouseInterrupt(interrupts, kMouseGsi),
      m_gapTimer(timers, [this] { fillOutput(); }),
      m_keyboard(timers, input, [this] { fillOutput(); }),
      m_mouse(timers, input, [this] { fillOutput(); }), m_state(powerOnState()) {
    m_input.addDevice(m_keyboard);
    m_input.addDevice(m_mouse);
}

I8042::~I8042() {
    m_input.removeDevice(m_mouse);
    m_input.removeDevice(m_keyboard);
}

// The command byte is as a PC's firmware leaves it, for kernels that start without firmware and
// take a working keyboard for granted.
I8042::State I8042::powerOnState() {
    State state;
    state.memory[0] = kKeyboardInterrupt | kSystemFlag | kMouseDisabled | kTranslate;
    return state;
}

void I8042::reset() {
    m_state = powerOnState();
    m_gapTimer.cancel();
    m_keyboard.reset();
    m_mouse.reset();
    m_mouse.setPortEnabled(false);
    updateInterrupts();
}

uint8_t I8042::status() const {
    uint8_t value = kNotInhibited | (commandByte() & kSystemFlag);
    if (m_state.outputFull)
        value |= kOutputFull;
    if (m_state.outputFull && m_state.outputSource == Source::Mouse)
        value |= kMouseData;
    if (m_state.lastWriteWasCommand)
        value |= kLastWasCommand;
    return value;
}

uint8_t I8042::readStatus(uint64_t) {
    return status();
}

uint8_t I8042::readData(uint64_t) {
    if (!m_state.outputFull)
        return m_state.outputBuffer;
    uint8_t value = m_state.outputBuffer;
    m_state.outputFull = false;
    if (m_state.outputSource == Source::ScanCode)
        m_state.gapEndNs = m_clock.nowNs() + kScanCodeGapNs;
    updateInterrupts(); // low before the next byte's edge
    fillOutput();
    return value;
}

void I8042::writeData(uint64_t, uint8_t value) {
    m_state.lastWriteWasCommand = false;
    if (uint8_t command = std::exchange(m_state.pendingCommand, 0)) {
        finishCommand(command, value);
        return;
    }
    setCommandByte(commandByte() & static_cast<uint8_t>(~kKeyboardDisabled));
    m_keyboard.writeByte(value);
}

void I8042::writeCommand(uint64_t, uint8_t value) {
    m_state.lastWriteWasCommand = true;
    m_state.pendingCommand = 0;
    if (takesData(value))
        m_state.pendingCommand = value;
    else
        runCommand(value);
}

void I8042::runCommand(uint8_t command) {
    if (command >= kReadMemory && command <= (kReadMemory | kMemoryIndexMask)) {
        reply(m_state.memory[command & kMemoryIndexMask]);
        return;
    }
    if (command >= kPulseOutputPort) {
        // Bits 3-0 name the output port's bits that stay high; bit 0 is the CPU's reset.
        if (!(command & kNoReset))
            m_system.requestReset(ResetCause::KeyboardController);
        return;
    }
    switch (command) {
    case kTestPassword:
        reply(kNoPassword);
        break;
    case kDisableMouse:
        setCommandByte(commandByte() | kMouseDisabled);
        break;
    case kEnableMouse:
        setCommandByte(commandByte() & static_cast<uint8_t>(~kMouseDisabled));
        break;
    case kTestMouse:
    case kTestKeyboard:
    case kReadTestInputs:
        reply(kTestPassed);
        break;
    case kSelfTest:
        setCommandByte(commandByte() | kSystemFlag);
        reply(kSelfTestPassed);
        break;
    case kDisableKeyboard:
        setCommandByte(commandByte() | kKeyboardDisabled);
        break;
    case kEnableKeyboard:
        setCommandByte(commandByte() & static_cast<uint8_t>(~kKeyboardDisabled));
        break;
    case kReadInputPort:
        reply(kInputPort);
        break;
    case kReadOutputPort:
        reply(outputPort());
        break;
    case kClearA20:
    case kSetA20:
        m_state.a20 = command == kSetA20;
        break;
    default:
        break;
    }
}

void I8042::finishCommand(uint8_t command, uint8_t data) {
    switch (command) {
    case kWriteMemory:
        setCommandByte(data);
        break;
    case kWriteOutputPort:
        writeOutputPort(data);
        break;
    case kWriteKeyboardOutput:
        reply(data);
        break;
    case kWriteMouseOutput:
        reply(data, Source::Mouse);
        break;
    case kWriteMouse:
        setCommandByte(commandByte() & static_cast<uint8_t>(~kMouseDisabled));
        m_mouse.writeByte(data);
        break;
    default:
        m_state.memory[command & kMemoryIndexMask] = data;
        break;
    }
}

void I8042::setCommandByte(uint8_t value) {
    if ((value ^ commandByte()) & kTranslate)
        m_state.breakPrefix = false;
    m_state.memory[0] = value;
    m_mouse.setPortEnabled(!(value & kMouseDisabled));
    fillOutput();
}

uint8_t I8042::outputPort() const {
    uint8_t value = kKeyboardLines | kNoReset;
    if (m_state.a20)
        value |= kA20;
    if (m_keyboardInterrupt.high())
        value |= kKeyboardFull;
    if (m_mouseInterrupt.high())
        value |= kMouseFull;
    return value;
}

// The A20 gate is only remembered: the machine's CPUs have no such pin.
void I8042::writeOutputPort(uint8_t value) {
    m_state.a20 = value & kA20;
    if (!(value & kNoReset))
        m_system.requestReset(ResetCause::KeyboardController);
}

void I8042::reply(uint8_t value, Source source) {
    m_state.replyPending = true;
    m_state.replyValue = value;
    m_state.replySource = source;
    fillOutput();
}

// Moves the next byte into the empty output buffer: the controller's own, then the keyboard's, then
// the mouse's.
void I8042::fillOutput() {
    if (!m_state.outputFull) {
        if (std::exchange(m_state.replyPending, false))
            load(m_state.replyValue, m_state.replySource);
        else if (!loadKeyboardByte() && !(commandByte() & kMouseDisabled) && m_mouse.hasByte())
            load(m_mouse.takeByte(), Source::Mouse);
    }
    updateInterrupts();
}

void I8042::load(uint8_t value, Source source) {
    m_state.outputBuffer = value;
    m_state.outputSource = source;
    m_state.outputFull = true;
}

bool I8042::loadKeyboardByte() {
    if (commandByte() & kKeyboardDisabled)
        return false;
    while (auto kind = m_keyboard.nextByteKind()) {
        bool isScanCode = *kind == Ps2Keyboard::ByteKind::ScanCode;
        if (isScanCode && m_clock.nowNs() < m_state.gapEndNs) {
            m_gapTimer.arm(m_state.gapEndNs);
            return false;
        }
        uint8_t value = m_keyboard.takeByte();
        if (commandByte() & kTranslate) {
            if (isScanCode && value == kBreakPrefix) {
                m_state.breakPrefix = true; // becomes bit 7 of the code that follows
                continue;
            }
            value = translateScanCode(value);
            if (isScanCode && std::exchange(m_state.breakPrefix, false))
                value |= kSetOneBreak;
        }
        load(value, isScanCode ? Source::ScanCode : Source::KeyboardReply);
        return true;
    }
    return false;
}

// A keyboard that is disabled raises nothing, so that firmware can disable it and poll.
void I8042::updateInterrupts() {
    bool mouse = m_state.outputSource == Source::Mouse;
    m_keyboardInterrupt.set(m_state.outputFull && !mouse && commandByte() & kKeyboardInterrupt &&
                            !(commandByte() & kKeyboardDisabled));
    m_mouseInterrupt.set(m_state.outputFull && mouse && commandByte() & kMouseInterrupt);
}

void I8042::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.beginSection(name(), stateVersion());
    writer.fields(s.memory, s.outputBuffer, s.outputFull, s.outputSource, s.lastWriteWasCommand,
                  s.pendingCommand, s.a20, s.breakPrefix, s.gapEndNs, s.replyPending, s.replyValue,
                  s.replySource);
    m_keyboard.save(writer);
    m_mouse.save(writer);
}

Result<void> I8042::restore(StateReader& reader) {
    auto restoreAll = [&]() -> Result<void> {
        m_state = TRY(readState(reader));
        TRY(m_keyboard.restore(reader));
        return m_mouse.restore(reader);
    };
    if (auto restored = restoreAll(); !restored) {
        reset();
        return restored;
    }
    m_mouse.setPortEnabled(!(commandByte() & kMouseDisabled));
    fillOutput();
    return {};
}

Result<I8042::State> I8042::readState(StateReader& reader) const {
    TRY(reader.enterSection(name(), stateVersion()));
    State s;
    TRY(reader.fields(s.memory, s.outputBuffer, s.outputFull, s.outputSource, s.lastWriteWasCommand,
                      s.pendingCommand, s.a20, s.breakPrefix, s.gapEndNs, s.replyPending,
                      s.replyValue, s.replySource));
    if (s.outputSource > Source::Mouse || s.replySource > Source::Mouse ||
        (s.pendingCommand && !takesData(s.pendingCommand)))
        return fail(ErrorCode::Corrupt, "i8042: saved state out of range");
    s.gapEndNs = std::min(s.gapEndNs, m_clock.nowNs() + kScanCodeGapNs);
    return s;
}

} // namespace vivarium
