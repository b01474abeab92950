#pragma once

#include "vmm/backends/input/input_router.h"
#include "vmm/base/result.h"
#include "vmm/base/timer_queue.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace vivarium {

// A PS/2 mouse with the wheel (IntelliMouse, id 3) and five-button (Explorer, id 4) extensions.
// Motion is summed up and sent at the sample rate; a change of buttons is sent at once. Part of
// I8042, which reads its bytes; device thread.
class Ps2Mouse final : public InputDevice {
public:
    // `bytesReady` is called when there may be a byte to take.
    Ps2Mouse(TimerQueue& timers, InputRouter& input, std::function<void()> bytesReady);

    // A command or option byte from the host.
    void writeByte(uint8_t value);
    bool hasByte() const { return !m_state.replies.empty() || !m_state.packets.empty(); }
    uint8_t takeByte(); // only if hasByte(); replies go before movement

    // Whether the controller's mouse port is enabled; part of priority().
    void setPortEnabled(bool enabled);

    void reset();
    void save(StateWriter& writer) const;
    Result<void> restore(StateReader& reader);

    bool acceptsRelativePointer() const override { return true; }
    int priority() const override { return m_state.reporting && m_portEnabled ? 0 : -1; }
    void relativePointer(const RelativePointerEvent& event) override;

private:
    static constexpr size_t kMaxPacketBytes = 16; // movement that waits to be read: four packets
    static constexpr size_t kMaxReplyBytes = 16;
    static constexpr int32_t kMaxMotion = 16384; // summed up at most
    struct State {
        bool reporting = false;
        bool remote = false;
        bool wrap = false;
        bool doubleScaling = false;
        uint8_t resolution = 2;   // 2^n counts a millimetre
        uint8_t sampleRate = 100; // a second
        uint8_t id = 0;
        std::array<uint8_t, 3> lastRates{}; // the knock that switches the id, latest last
        uint8_t pendingCommand = 0;         // a command that waits for its option byte, or 0
        uint8_t lastByte = 0;               // for resend
        int32_t dx = 0, dy = 0, wheel = 0;  // not yet sent; down and away are positive
        uint8_t buttons = 0;                // PointerButton bits
        uint8_t sentButtons = 0;
        uint64_t nextPacketNs = 0; // guest time of the next sample
        std::vector<uint8_t> replies;
        std::vector<uint8_t> packets; // whole packets, the first perhaps partly read
    };

    void runCommand(uint8_t command);
    void runOption(uint8_t command, uint8_t option);
    void reply(uint8_t value);
    void setDefaults();
    void setReporting(bool on);
    void clearMotion();
    void replyStatus();
    uint8_t visibleButtons() const;
    size_t packetSize() const { return m_state.id == 0 ? 3 : 4; }
    std::vector<uint8_t> makePacket();
    bool queuePacketIfDue();
    void sample();

    InputRouter& m_input;
    std::function<void()> m_bytesReady;
    const Clock& m_clock;
    Timer m_sampleTimer;
    bool m_portEnabled = false;
    State m_state;
};

} // namespace vivarium
