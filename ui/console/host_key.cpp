#include "ui/console/host_key.h"

#include <linux/input-event-codes.h>

namespace vivarium {

void HostKey::setKey(KeyCode key) {
    forget();
    m_key = key;
}

void HostKey::forget() {
    m_isDown = false;
    m_usedForCommand = false;
    m_commandKeys.clear();
    m_ctrlAlt = 0;
    m_ctrlAltComplete = false;
    m_ctrlAltSpoiled = false;
}

HostKey::Verdict HostKey::handle(KeyCode key, KeyDirection direction) {
    const bool down = direction == KeyDirection::Down;
    if (key == m_key) {
        if (down) {
            if (!m_isDown)
                m_usedForCommand = false;
            m_isDown = true;
            return Verdict::Swallow;
        }
        const bool alone = m_isDown && !m_usedForCommand;
        m_isDown = false;
        return alone ? Verdict::ToggleCapture : Verdict::Swallow;
    }
    const int code = static_cast<int>(key);
    if (m_isDown && down) {
        m_usedForCommand = true;
        if (m_commandKeys.contains(code))
            return Verdict::Swallow; // auto-repeat
        m_commandKeys.insert(code);
        return Verdict::Command;
    }
    if (!down && m_commandKeys.remove(code))
        return Verdict::Swallow;

    const unsigned bit = code == KEY_LEFTCTRL ? 1u : code == KEY_LEFTALT ? 2u : 0u;
    if (bit == 0) {
        if (down && m_ctrlAlt != 0)
            m_ctrlAltSpoiled = true;
        return Verdict::Forward;
    }
    if (down) {
        m_ctrlAlt |= bit;
        m_ctrlAltComplete = m_ctrlAltComplete || m_ctrlAlt == 3u;
        return Verdict::Forward;
    }
    m_ctrlAlt &= ~bit;
    if (m_ctrlAlt != 0)
        return Verdict::Forward;
    const bool release = m_ctrlAltComplete && !m_ctrlAltSpoiled;
    m_ctrlAltComplete = false;
    m_ctrlAltSpoiled = false;
    return release ? Verdict::ReleaseCapture : Verdict::Forward;
}

} // namespace vivarium
