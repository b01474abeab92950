#pragma once

#include "vmm/base/key_codes.h"

#include <cstddef>
#include <cstdint>
#include <optional>
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
    // True while the guest has not yet read earlier keys (who types text waits for it).
    virtual bool keysPending() const { return false; }
    virtual void relativePointer(const RelativePointerEvent&) {}
    virtual void absolutePointer(const AbsolutePointerEvent&) {}
};

struct KeyboardLeds {
    bool scrollLock = false, numLock = false, capsLock = false;
    bool operator==(const KeyboardLeds&) const = default;
};

// Hands viewers' input to the best device that the guest has enabled, remembers which keys are
// down so that they can be released, and tells viewers about LEDs and the pointer mode. Device
// thread, device lock held. Viewers that can vanish go through an InputSession each.
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
    // What is down on the device counts as released.
    void removeDevice(InputDevice& device);
    void addListener(Listener& listener);
    void removeListener(Listener& listener);

    // Repeated presses of a key that is down are dropped: keyboards or guests repeat by themselves.
    // The release goes to the device that had the press.
    void key(KeyCode code, bool down);
    void relativePointer(const RelativePointerEvent& event);
    // Falls back to relative motion when no device takes absolute coordinates.
    void absolutePointer(const AbsolutePointerEvent& event);
    // Keys and pointer buttons.
    void releaseAllKeys();
    void releaseButtons();
    // Pixels of the scanout, which the fallback scales to; 0 is ignored.
    void setScanoutSize(uint32_t width, uint32_t height);
    // Whether the keyboard in use has keys that the guest has not read.
    bool keysPending() const;

    // Called by devices.
    void setLeds(const KeyboardLeds& leds);
    void priorityChanged();

    KeyboardLeds leds() const { return m_leds; }
    bool absolutePointerWanted() const { return m_absolute; }

private:
    static constexpr size_t kMaxKeysDown = 128;
    struct PressedKey {
        KeyCode code;
        InputDevice* device;
    };
    struct Position {
        int32_t x, y; // pixels
    };

    InputDevice* best(bool (InputDevice::*accepts)() const) const;
    void usePointer(InputDevice* device);

    std::vector<InputDevice*> m_devices;
    std::vector<Listener*> m_listeners;
    std::vector<PressedKey> m_pressed;
    InputDevice* m_pointer = nullptr; // had the last pointer event
    uint8_t m_buttons = 0;            // as told to m_pointer
    KeyboardLeds m_leds;
    bool m_absolute = false;
    uint32_t m_scanoutWidth = 1024, m_scanoutHeight = 768;
    std::optional<Position> m_lastPosition;                 // of the fallback
    std::optional<AbsolutePointerEvent> m_absolutePosition; // as told to m_pointer
};

} // namespace vivarium
