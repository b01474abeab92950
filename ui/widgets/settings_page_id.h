#pragma once

namespace vivarium {

// The sections of a machine's settings, in VirtualBox's order; the details pane links to them.
enum class SettingsPageId {
    General,
    System,
    Display,
    Storage,
    Network,
    SerialPorts,
    UserInterface
};

} // namespace vivarium
