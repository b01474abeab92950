#pragma once

#include "vmm/base/key_codes.h"

#include <cstdint>
#include <vector>

namespace vivarium {

enum class PointerButton : uint8_t { Left = 1, Right = 2, Middle = 4, Side = 8, Extra = 16 };

// A change of the pointer. Buttons are a set of PointerButton bits, the state after the change.
struct RelativePointerEvent {
    int32_t dx = 0, dy = 0; // right and down are positive, guest pixels
    int32_t wheel = 0;      // notches, away from the user is positive
    uint8_t buttons = 0;
};
struct AbsolutePointerEvent {
    uint16_t x = 0, y = 0; // 0..32767 over the scanout
    int32_t wheel = 0;
    uint8_t buttons = 0;
};

// Keyboards and mice implement what they can; called on the device thread with the device lock.
class InputDevice {
public:
    virtual ~InputDevice() = default;
    virtual bool acceptsKeys() const { return false; }
    virtual bool acceptsRelativePointer() const { return false; }
    virtual bool acceptsAbsolutePointer() const { return false; }
    // Preferred (highest wins) among the devices that accept an event: PS/2 0, USB 10, virtio 20
    // once its driver is up. Negative: the guest has not enabled the device.
    virtual int priority() const { return 0; }
    virtual void key(KeyCode, bool) {}
    virtual void relativePointer(const RelativePointerEvent&) {}
    virtual void absolutePointer(const AbsolutePointerEvent&) {}
};

struct KeyboardLeds {
    bool scrollLock = false, numLock = false, capsLock = false;
    bool operator==(const KeyboardLeds&) const = default;
};

// Hands viewers' input to the best device that the guest has enabled, remembers which keys are
// down so that they can be released, and tells viewers about LEDs and the pointer mode.
class InputRouter {
public:
    class Listener {
    public:
        virtual ~Listener() = default;
        virtual void ledsChanged(const KeyboardLeds&) {}
        // True when absolute coordinates are of use (no grab needed).
        virtual void pointerModeChanged(bool) {}
    };

    void addDevice(InputDevice& device);
    void removeDevice(InputDevice& device);
    void addListener(Listener& listener);
    void removeListener(Listener& listener);

    void key(KeyCode code, bool down);
    void relativePointer(const RelativePointerEvent& event);
    // Falls back to relative motion when no device takes absolute coordinates.
    void absolutePointer(const AbsolutePointerEvent& event);
    void releaseAllKeys();

    // Called by devices.
    void setLeds(const KeyboardLeds& leds);
    void priorityChanged();

    KeyboardLeds leds() const { return m_leds; }
    bool absolutePointerWanted() const { return m_absolute; }

private:
    InputDevice* best(bool (InputDevice::*accepts)() const) const;

    std::vector<InputDevice*> m_devices;
    std::vector<Listener*> m_listeners;
    std::vector<KeyCode> m_pressed;
    KeyboardLeds m_leds;
    bool m_absolute = false;
    uint16_t m_lastX = 0, m_lastY = 0;
};

} // namespace vivarium
