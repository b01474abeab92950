#include "vmm/machine/key_presser.h"

#include <algorithm>
#include <utility>

namespace vivarium {

KeyPresser::KeyPresser(TimerQueue& timers)
    : m_clock(timers.clock()), m_timer(timers, [this] { expired(); }) {}

void KeyPresser::press(InputSession& session, std::vector<KeyCode> keys, uint32_t holdMs,
                       std::function<void()> done) {
    m_chords.push_back({&session, std::move(keys), uint64_t{holdMs} * 1'000'000, std::move(done)});
    if (m_phase == Phase::Idle)
        startNext();
}

void KeyPresser::startNext() {
    m_phase = Phase::Idle;
    if (m_chords.empty())
        return;
    const Chord& chord = m_chords.front();
    for (KeyCode key : chord.keys)
        chord.session->key(key, true);
    m_phase = Phase::Holding;
    if (chord.holdNs == 0)
        release();
    else
        m_timer.arm(m_clock.nowNs() + chord.holdNs);
}

void KeyPresser::release() {
    Chord chord = std::move(m_chords.front());
    m_chords.pop_front();
    for (auto key = chord.keys.rbegin(); key != chord.keys.rend(); ++key)
        chord.session->key(*key, false);
    m_phase = Phase::Gap;
    m_timer.arm(m_clock.nowNs() + kGapNs);
    chord.done();
}

void KeyPresser::expired() {
    if (m_phase == Phase::Holding)
        release();
    else
        startNext();
}

void KeyPresser::forget(const InputSession& session) {
    const bool held = m_phase == Phase::Holding && m_chords.front().session == &session;
    std::erase_if(m_chords, [&](const Chord& chord) { return chord.session == &session; });
    if (held) { // the session releases its keys itself
        m_timer.cancel();
        startNext();
    }
}

void KeyPresser::finishAll() {
    m_timer.cancel();
    if (m_phase == Phase::Holding)
        release();
    m_timer.cancel();
    m_phase = Phase::Idle;
    for (Chord& chord : std::exchange(m_chords, {}))
        chord.done();
}

} // namespace vivarium
