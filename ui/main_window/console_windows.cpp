#include "ui/main_window/console_windows.h"

#include "ui/console/machine_console.h"
#include "ui/console/remote_console.h"

namespace vivarium {

ConsoleWindows::ConsoleWindows(Library& library, Supervisor& supervisor, SnapshotService& snapshots,
                               GuestDisplays& displays, CurrentPreferences& preferences,
                               QObject* parent)
    : QObject(parent), m_library(library), m_supervisor(supervisor), m_snapshots(snapshots),
      m_displays(displays), m_preferences(preferences) {}

ConsoleWindows::~ConsoleWindows() {
    // What is still open goes with the supervisor that it uses.
    for (const auto& console : std::as_const(m_consoles))
        std::unique_ptr<QWidget>(console.data()).reset();
    for (const auto& remote : std::as_const(m_remotes))
        std::unique_ptr<QWidget>(remote.data()).reset();
}

MachineConsole* ConsoleWindows::find(const MachineId& id) const {
    return m_consoles.value(id);
}

MachineConsole* ConsoleWindows::show(const MachineId& id) {
    MachineConsole* console = find(id);
    if (!console) {
        if (!m_library.find(id))
            return nullptr;
        console =
            new MachineConsole(m_library, m_supervisor, m_snapshots, m_displays, m_preferences, id);
        m_consoles.insert(id, console);
        connect(console, &MachineConsole::settingsRequested, this,
                [this, console](const MachineId& machine) {
                    Q_EMIT
                    settingsRequested(machine, console);
                });
        connect(console, &MachineConsole::logRequested, this, &ConsoleWindows::logRequested);
        connect(console, &ConsoleFrame::preferencesRequested, this, [this, console] {
            Q_EMIT
            preferencesRequested(console);
        });
        console->show();
    }
    if (console->isMinimized())
        console->showNormal();
    console->raise();
    console->activateWindow();
    return console;
}

void ConsoleWindows::showRemote(const VncAddress& address) {
    auto* console = new RemoteConsole(m_preferences, address);
    m_remotes.removeAll(nullptr);
    m_remotes.append(console);
    connect(console, &ConsoleFrame::preferencesRequested, this, [this, console] {
        Q_EMIT
        preferencesRequested(console);
    });
    console->show();
}

void ConsoleWindows::closeAll() {
    for (const auto& console : std::as_const(m_consoles))
        if (console)
            console->closeQuietly();
    for (const auto& remote : std::as_const(m_remotes))
        if (remote)
            remote->close();
}

} // namespace vivarium
