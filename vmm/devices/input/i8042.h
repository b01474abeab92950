#pragma once

#include "vmm/base/timer_queue.h"
#include "vmm/bus/device.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"
#include "vmm/backends/input/input_router.h"
#include "vmm/devices/input/ps2_keyboard.h"
#include "vmm/devices/input/ps2_mouse.h"

#include <array>
#include <cstdint>
#include <memory>

namespace vivarium {

// PS/2 controller of a PC (ports 0x60 and 0x64, GSI 1 and 12) with a keyboard and a mouse, which it
// registers with the input router. Device thread.
//
// One byte waits in the output buffer; the next one follows when it has been read, except that a
// scan code keeps its place for kScanCodeGapNs: programs that hook the keyboard interrupt read it
// and pass on to a BIOS that reads it once more.
class I8042 final : public Device {
public:
    static constexpr uint64_t kScanCodeGapNs = 500'000;

    // Errors: Busy (ports). `input` and the other references outlive the device.
    static Result<std::unique_ptr<I8042>> create(PortBus& ports, InterruptSink& interrupts,
                                                 TimerQueue& timers, SystemControl& system,
                                                 InputRouter& input);
    ~I8042() override;

    Ps2Keyboard& keyboard() { return m_keyboard; }
    Ps2Mouse& mouse() { return m_mouse; }

    std::string_view name() const override { return "i8042"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    enum class Source : uint8_t { Controller, KeyboardReply, ScanCode, Mouse };
    struct State {
        std::array<uint8_t, 32> memory{}; // byte 0 is the command byte
        uint8_t outputBuffer = 0;
        bool outputFull = false;
        Source outputSource = Source::Controller;
        bool lastWriteWasCommand = true;
        uint8_t pendingCommand = 0; // a command that waits for its data byte, or 0
        bool a20 = true;
        bool breakPrefix = false; // translation has swallowed 0xF0
        uint64_t gapEndNs = 0;    // the next scan code waits until then
        // A byte of the controller's own that waits for the output buffer; a newer one replaces it.
        bool replyPending = false;
        uint8_t replyValue = 0;
        Source replySource = Source::Controller; // or Mouse, for what pretends to come from it
    };

    I8042(InterruptSink& interrupts, TimerQueue& timers, SystemControl& system, InputRouter& input);
    uint8_t readData(uint64_t offset);
    void writeData(uint64_t offset, uint8_t value);
    uint8_t readStatus(uint64_t offset);
    void writeCommand(uint64_t offset, uint8_t value);
    void runCommand(uint8_t command);
    void finishCommand(uint8_t command, uint8_t data);
    void setCommandByte(uint8_t value);
    void writeOutputPort(uint8_t value);
    void reply(uint8_t value, Source source = Source::Controller);
    uint8_t commandByte() const { return m_state.memory[0]; }
    uint8_t status() const;
    uint8_t outputPort() const;
    void fillOutput();
    void load(uint8_t value, Source source);
    bool loadKeyboardByte();
    void updateInterrupts();
    static State powerOnState();
    Result<State> readState(StateReader& reader) const;

    SystemControl& m_system;
    InputRouter& m_input;
    const Clock& m_clock;
    IrqLine m_keyboardInterrupt;
    IrqLine m_mouseInterrupt;
    Timer m_gapTimer;
    Ps2Keyboard m_keyboard;
    Ps2Mouse m_mouse;
    PortMapping m_dataMapping;
    PortMapping m_statusMapping;
    State m_state;
};

} // namespace vivarium
