#pragma once

#include "vmm/backends/input/input_router.h"
#include "vmm/base/result.h"
#include "vmm/base/timer_queue.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

// Types text into the guest as strokes of a US keyboard, one at a time, waiting for a guest that is
// slow to read them. Device thread, device lock held.
class TextTypist {
public:
    static constexpr size_t kMaxTextBytes = 64 * 1024;
    static constexpr uint32_t kDefaultDelayMs = 15;
    static constexpr uint32_t kMaxDelayMs = 1000;

    enum class Outcome {
        Typed,
        Cancelled,
        Stalled, // the guest has not read its keyboard for kStallNs
    };
    // `skipped`: the characters that are not on the keyboard, UTF-8, in order; of at most
    // kMaxTextBytes.
    using Completion = std::function<void(Outcome outcome, const std::string& skipped)>;

    TextTypist(InputRouter& input, TimerQueue& timers);

    // Starts typing UTF-8 `text`, one stroke every `delayMs`; `done` is called once, never from
    // inside start(). Invalid bytes count as U+FFFD and are skipped. CR LF is one Enter. Errors:
    // Busy (typing already), LimitExceeded (text), InvalidArgument (delay).
    Result<void> start(std::string_view text, uint32_t delayMs, Completion done);
    // Stops after releasing what is down; `done` is called with Cancelled before it returns.
    void cancel();
    bool typing() const { return m_done != nullptr; }

private:
    static constexpr uint64_t kStallNs = 20'000'000'000;
    static constexpr uint64_t kPollNs =
        1'000'000; // how often a guest that lags is looked at, at most
    enum class Phase { Press, Release };

    void step();
    void press(const KeyStroke& stroke);
    void release();
    void finish(Outcome outcome);

    InputRouter& m_input;
    const Clock& m_clock;
    Timer m_timer;
    std::vector<KeyStroke> m_strokes;
    size_t m_next = 0;
    Phase m_phase = Phase::Press;
    uint64_t m_holdNs = 0;
    uint64_t m_gapNs = 0;
    uint64_t m_waitingSinceNs = 0; // 0: the guest keeps up
    std::optional<KeyCode> m_down;
    bool m_shiftDown = false;
    std::string m_skipped;
    Completion m_done;
};

} // namespace vivarium
