#pragma once

#include <QPoint>

#include <cstdint>
#include <optional>
#include <vector>

namespace vivarium {

// Merges pointer events while an earlier one is still on its way to the worker, so that a slow
// worker gets fewer, larger movements and never a backlog. Button changes are never merged away. A
// plain value.
class PointerQueue {
public:
    struct Event {
        bool absolute = false;
        QPoint position; // absolute: 0..32767; relative: the movement
        int wheel = 0;
        quint8 buttons = 0;
    };

    // True: the caller sends `event` now and reports with finished(). False: it is kept.
    bool push(const Event& event) {
        if (!m_busy) {
            m_busy = true;
            m_sentButtons = event.buttons;
            return true;
        }
        Event* last = m_pending.empty() ? nullptr : &m_pending.back();
        if (last && last->absolute == event.absolute && last->buttons == event.buttons &&
            event.buttons == previousButtons()) {
            last->position = event.absolute ? event.position : last->position + event.position;
            last->wheel += event.wheel;
        } else if (m_pending.size() < kMaxPending) {
            m_pending.push_back(event);
        } else {
            *last = event; // a worker this slow is stuck: keep the newest
        }
        return false;
    }
    // The event to send next, when the last one has been answered.
    std::optional<Event> finished() {
        if (m_pending.empty()) {
            m_busy = false;
            return std::nullopt;
        }
        Event next = m_pending.front();
        m_pending.erase(m_pending.begin());
        m_sentButtons = next.buttons;
        return next;
    }
    void clear() {
        m_pending.clear();
        m_busy = false;
        m_sentButtons = 0;
    }

private:
    quint8 previousButtons() const {
        return m_pending.size() < 2 ? m_sentButtons : m_pending[m_pending.size() - 2].buttons;
    }

    static constexpr size_t kMaxPending = 32;
    std::vector<Event> m_pending;
    bool m_busy = false;
    quint8 m_sentButtons = 0;
};

} // namespace vivarium
