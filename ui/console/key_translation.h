#pragma once

#include "vmm/base/key_codes.h"

#include <QKeyEvent>
#include <QString>

#include <optional>

namespace vivarium {

// The physical key of an event. X11 and Wayland report the scan code (Linux code + 8); where there
// is none (synthetic events, the offscreen platform) the key's meaning on a US keyboard decides.
std::optional<KeyCode> keyCodeOf(const QKeyEvent& event);

// The X keysym of an event, for remote screens; 0 when there is none.
quint32 keysymOf(const QKeyEvent& event);
// The keysym that a US keyboard gives for a key without modifiers; 0 for none.
quint32 keysymOf(KeyCode key);

// A key's name as people read it on the key: "Right Ctrl", "F12".
QString keyTitle(KeyCode key);

} // namespace vivarium
