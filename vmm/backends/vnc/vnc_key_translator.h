#pragma once

#include "vmm/base/key_codes.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace vivarium {

// The key of a US keyboard that gives an X11 keysym, and what Shift must be for it.
struct VncKey {
    KeyCode code{};
    enum class Shift { Any, Up, Down } shift = Shift::Any;
    bool letter = false; // Caps Lock reverses Shift
};
// nullopt for a keysym that a US keyboard does not have.
std::optional<VncKey> vncKeyFromKeysym(uint32_t keysym);

// Turns one VNC client's key events (keysyms) into keys of the guest's US keyboard. A client whose
// layout reaches a character without Shift, or with it, gets the Shift that the guest needs.
class VncKeyTranslator {
public:
    struct Action {
        KeyCode code;
        bool down;
        bool operator==(const Action&) const = default;
    };
    // The keys to press and release, in order. `capsLock`: the guest's state.
    std::vector<Action> translate(uint32_t keysym, bool down, bool capsLock);

private:
    bool m_leftShift = false, m_rightShift = false; // as the client holds them
    unsigned m_shortcutKeys = 0;                    // Ctrl, Alt, Super: bits
};

} // namespace vivarium
