#include "vmm/backends/input/input_router.h"

#include <algorithm>

namespace vivarium {

void InputRouter::addDevice(InputDevice& device) {
    m_devices.push_back(&device);
    priorityChanged();
}

void InputRouter::removeDevice(InputDevice& device) {
    std::erase(m_devices, &device);
    std::erase_if(m_pressed, [&](const PressedKey& key) { return key.device == &device; });
    if (m_pointer == &device) {
        m_pointer = nullptr;
        m_buttons = 0;
        m_absolutePosition.reset();
    }
    priorityChanged();
}

void InputRouter::addListener(Listener& listener) {
    m_listeners.push_back(&listener);
}

void InputRouter::removeListener(Listener& listener) {
    std::erase(m_listeners, &listener);
}

InputDevice* InputRouter::best(bool (InputDevice::*accepts)() const) const {
    InputDevice* found = nullptr;
    for (InputDevice* device : m_devices)
        if ((device->*accepts)() && (!found || device->priority() > found->priority()))
            found = device;
    return found;
}

void InputRouter::key(KeyCode code, bool down) {
    auto pressed = std::find_if(m_pressed.begin(), m_pressed.end(),
                                [code](const PressedKey& key) { return key.code == code; });
    if (down) {
        if (pressed != m_pressed.end() || m_pressed.size() >= kMaxKeysDown)
            return;
        InputDevice* device = best(&InputDevice::acceptsKeys);
        if (!device)
            return;
        m_pressed.push_back({code, device});
        device->key(code, true);
    } else if (pressed != m_pressed.end()) {
        InputDevice* device = pressed->device;
        m_pressed.erase(pressed);
        device->key(code, false);
    }
}

// Buttons that were pressed on another device are released there first.
void InputRouter::usePointer(InputDevice* device) {
    if (m_pointer == device)
        return;
    InputDevice* old = m_pointer;
    uint8_t buttons = m_buttons;
    std::optional<AbsolutePointerEvent> position = m_absolutePosition;
    m_pointer = device;
    m_buttons = 0;
    m_absolutePosition.reset();
    if (!old || buttons == 0)
        return;
    if (position) {
        position->wheel = 0;
        position->buttons = 0;
        old->absolutePointer(*position);
    } else {
        old->relativePointer({});
    }
}

void InputRouter::relativePointer(const RelativePointerEvent& event) {
    InputDevice* device = best(&InputDevice::acceptsRelativePointer);
    if (!device)
        return;
    usePointer(device);
    m_absolutePosition.reset();
    m_buttons = event.buttons;
    device->relativePointer(event);
}

void InputRouter::absolutePointer(const AbsolutePointerEvent& event) {
    InputDevice* device = best(&InputDevice::acceptsAbsolutePointer);
    if (device && device->priority() >= 0) {
        usePointer(device);
        m_lastPosition.reset();
        m_absolutePosition = event;
        m_buttons = event.buttons;
        device->absolutePointer(event);
        return;
    }
    // Where the guest's own pointer is cannot be known: only differences are passed on, and the
    // first event gives none.
    Position position{static_cast<int32_t>(uint64_t{event.x} * m_scanoutWidth / 32768),
                      static_cast<int32_t>(uint64_t{event.y} * m_scanoutHeight / 32768)};
    RelativePointerEvent relative{0, 0, event.wheel, event.buttons};
    if (m_lastPosition) {
        relative.dx = position.x - m_lastPosition->x;
        relative.dy = position.y - m_lastPosition->y;
    }
    m_lastPosition = position;
    relativePointer(relative);
}

void InputRouter::releaseAllKeys() {
    // In reverse order of pressing, so that modifiers go last.
    while (!m_pressed.empty())
        key(m_pressed.back().code, false);
    releaseButtons();
}

void InputRouter::releaseButtons() {
    if (m_buttons != 0)
        usePointer(nullptr);
}

void InputRouter::setScanoutSize(uint32_t width, uint32_t height) {
    if (width == 0 || height == 0 || (width == m_scanoutWidth && height == m_scanoutHeight))
        return;
    m_scanoutWidth = width;
    m_scanoutHeight = height;
    m_lastPosition.reset(); // was in other pixels
}

bool InputRouter::keysPending() const {
    const InputDevice* device = best(&InputDevice::acceptsKeys);
    return device && device->keysPending();
}

void InputRouter::setLeds(const KeyboardLeds& leds) {
    if (leds == m_leds)
        return;
    m_leds = leds;
    auto listeners = m_listeners; // a listener may leave when it is told
    for (Listener* listener : listeners)
        if (std::find(m_listeners.begin(), m_listeners.end(), listener) != m_listeners.end())
            listener->ledsChanged(leds);
}

void InputRouter::priorityChanged() {
    const InputDevice* device = best(&InputDevice::acceptsAbsolutePointer);
    bool absolute = device && device->priority() >= 0;
    if (absolute == m_absolute)
        return;
    m_absolute = absolute;
    auto listeners = m_listeners;
    for (Listener* listener : listeners)
        if (std::find(m_listeners.begin(), m_listeners.end(), listener) != m_listeners.end())
            listener->pointerModeChanged(absolute);
}

} // namespace vivarium
