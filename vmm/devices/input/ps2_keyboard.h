#pragma once

#include "vmm/backends/input/input_router.h"
#include "vmm/base/result.h"
#include "vmm/base/timer_queue.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace vivarium {

// A 105-key PS/2 keyboard with multimedia keys: scan code sets 1, 2 and 3, LEDs, typematic repeat.
// Part of I8042, which reads its bytes; device thread.
class Ps2Keyboard final : public InputDevice {
public:
    // `bytesReady` is called when there may be a byte to take.
    Ps2Keyboard(TimerQueue& timers, InputRouter& input, std::function<void()> bytesReady);

    // A command or option byte from the host.
    void writeByte(uint8_t value);
    enum class ByteKind { Reply, ScanCode };
    // What takeByte() would return: replies go before scan codes.
    std::optional<ByteKind> nextByteKind() const;
    uint8_t takeByte(); // only if nextByteKind()

    void reset();
    void save(StateWriter& writer) const;
    Result<void> restore(StateReader& reader);

    bool acceptsKeys() const override { return true; }
    int priority() const override { return m_state.scanning ? 0 : -1; }
    bool keysPending() const override { return !m_state.scanCodes.empty(); }
    void key(KeyCode code, bool down) override;

private:
    // Presses are dropped when more than this waits to be read; releases always fit, because only
    // keys whose press was accepted have one.
    static constexpr size_t kMaxQueuedBeforePress = 64;
    static constexpr size_t kMaxScanCodeBytes = 1024;
    static constexpr size_t kMaxReplyBytes = 16;
    struct State {
        bool scanning = true;
        uint8_t scanCodeSet = 2;
        uint8_t leds = 0;
        uint8_t typematic = 0x2B;   // rate and delay byte of command 0xF3
        uint8_t pendingCommand = 0; // a command that waits for its option byte, or 0
        uint8_t lastByte = 0;       // for resend
        uint16_t repeatingKey = 0;  // 0: none
        uint64_t repeatDeadlineNs = 0;
        std::array<uint8_t, 32> pressed{}; // bit per KeyCode: the guest has been told it is down
        std::vector<uint8_t> replies;
        std::vector<uint8_t> scanCodes;
    };

    void runCommand(uint8_t command);
    void runOption(uint8_t command, uint8_t option);
    void reply(uint8_t value);
    void setDefaults();
    void setScanning(bool on);
    void setLeds(uint8_t leds);
    void appendScanCode(KeyCode code, bool down);
    bool isPressed(KeyCode code) const;
    void startRepeat(KeyCode code);
    void stopRepeat();
    void armRepeat();
    void repeat();
    uint64_t repeatDelayNs() const;
    uint64_t repeatPeriodNs() const;

    InputRouter& m_input;
    std::function<void()> m_bytesReady;
    const Clock& m_clock;
    Timer m_repeatTimer;
    State m_state;
};

} // namespace vivarium
