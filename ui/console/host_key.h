#pragma once

#include "vmm/base/key_codes.h"

#include <QSet>

#include <optional>

namespace vivarium {

enum class KeyDirection { Down, Up };

// Decides for every key event of the console whether it goes to the guest. The host key alone
// toggles the capture; with another key it is a command of the application. Left Ctrl and Alt,
// pressed and released together, end the capture. A plain state machine.
class HostKey {
public:
    enum class Verdict {
        Forward,        // to the guest
        Swallow,        // nothing
        ToggleCapture,  // host key pressed and released alone
        ReleaseCapture, // Left Ctrl+Alt released together; the key itself goes to the guest
        Command,        // another key while the host key is down
    };

    explicit HostKey(KeyCode key) : m_key(key) {}
    void setKey(KeyCode key);
    KeyCode key() const { return m_key; }

    Verdict handle(KeyCode key, KeyDirection direction);
    bool isDown() const { return m_isDown; }
    // Focus was lost: nothing is held any more.
    void forget();

private:
    KeyCode m_key;
    bool m_isDown = false;
    bool m_usedForCommand = false;
    QSet<int> m_commandKeys; // their releases are swallowed too
    // Left Ctrl+Alt: bit 0 and 1 are down, whether both were, and that nothing else came between.
    unsigned m_ctrlAlt = 0;
    bool m_ctrlAltComplete = false;
    bool m_ctrlAltSpoiled = false;
};

} // namespace vivarium
