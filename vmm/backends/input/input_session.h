#pragma once

#include "vmm/backends/input/input_router.h"

#include <vector>

namespace vivarium {

// One viewer's input (a control client, a VNC client): passes it on and remembers what the viewer
// holds down, so that a viewer that goes away leaves no key or button pressed. Device thread,
// device lock held, also for the destructor.
class InputSession {
public:
    explicit InputSession(InputRouter& router) : m_router(router) {}
    ~InputSession() { release(); }
    InputSession(const InputSession&) = delete;
    InputSession& operator=(const InputSession&) = delete;

    void key(KeyCode code, bool down);
    void relativePointer(const RelativePointerEvent& event);
    void absolutePointer(const AbsolutePointerEvent& event);
    // Releases everything that this viewer holds (it lost the focus).
    void release();

private:
    static constexpr size_t kMaxKeysDown = 64;

    InputRouter& m_router;
    std::vector<KeyCode> m_pressed;
    uint8_t m_buttons = 0;
};

} // namespace vivarium
