#include "vmm/kvm/run_gate.h"

#include <utility>

namespace vivarium {

// enter() and close() each write their own flag before reading the other's, both sequentially
// consistent: at least one sees the other.

void RunGate::add(Passage& passage, std::function<void()> kick) {
    m_members.push_back({&passage, std::move(kick)});
}

void RunGate::enter(Passage& passage) {
    for (;;) {
        passage.m_inside.store(true);
        if (!m_closed.load())
            return;
        leave(passage);
        m_closed.wait(true);
    }
}

void RunGate::leave(Passage& passage) {
    passage.m_inside.store(false);
    if (m_closed.load())
        passage.m_inside.notify_all();
}

void RunGate::close() {
    m_closed.store(true);
    for (const Member& member : m_members)
        if (member.passage->inside())
            member.kick();
    for (const Member& member : m_members)
        while (member.passage->inside())
            member.passage->m_inside.wait(true);
}

void RunGate::open() {
    m_closed.store(false);
    m_closed.notify_all();
}

} // namespace vivarium
