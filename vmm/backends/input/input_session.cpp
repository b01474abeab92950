#include "vmm/backends/input/input_session.h"

#include <algorithm>

namespace vivarium {

void InputSession::key(KeyCode code, bool down) {
    auto pressed = std::find(m_pressed.begin(), m_pressed.end(), code);
    if (down && pressed == m_pressed.end()) {
        if (m_pressed.size() >= kMaxKeysDown)
            return;
        m_pressed.push_back(code);
    } else if (!down) {
        // A release of what another viewer holds is passed on too: what was released is up.
        if (pressed != m_pressed.end())
            m_pressed.erase(pressed);
    }
    m_router.key(code, down);
}

void InputSession::relativePointer(const RelativePointerEvent& event) {
    m_buttons = event.buttons;
    m_router.relativePointer(event);
}

void InputSession::absolutePointer(const AbsolutePointerEvent& event) {
    m_buttons = event.buttons;
    m_router.absolutePointer(event);
}

void InputSession::release() {
    while (!m_pressed.empty()) {
        KeyCode code = m_pressed.back();
        m_pressed.pop_back();
        m_router.key(code, false);
    }
    if (m_buttons != 0) {
        m_buttons = 0;
        m_router.releaseButtons();
    }
}

} // namespace vivarium
