#pragma once

#include "vmm/backends/input/input_session.h"
#include "vmm/base/timer_queue.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace vivarium {

// Presses chords one after the other: keys down in order, held for a while of guest time, up in
// reverse. Device thread, device lock held.
class KeyPresser {
public:
    explicit KeyPresser(TimerQueue& timers);

    // `done` is called with the device lock held once all keys are up again. `session` outlives
    // this object's use of it (see forget). `holdMs` 0 releases at once.
    void press(InputSession& session, std::vector<KeyCode> keys, uint32_t holdMs,
               std::function<void()> done);
    // The session goes: what it still wanted is dropped, without calling `done`.
    void forget(const InputSession& session);
    // Releases what is held and finishes everything that waits, without pressing it.
    void finishAll();

private:
    // A pause between chords, so that a guest that polls sees the same key twice.
    static constexpr uint64_t kGapNs = 20'000'000;
    struct Chord {
        InputSession* session;
        std::vector<KeyCode> keys;
        uint64_t holdNs;
        std::function<void()> done;
    };
    enum class Phase { Idle, Holding, Gap };

    void startNext();
    void release();
    void expired();

    const Clock& m_clock;
    Timer m_timer;
    std::deque<Chord> m_chords; // the first one is held while Phase::Holding
    Phase m_phase = Phase::Idle;
};

} // namespace vivarium
