#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/console/vnc_address.h"

#include <QHash>
#include <QObject>
#include <QPointer>

namespace vivarium {

class CurrentPreferences;
class GuestDisplays;
class MachineConsole;
class SnapshotService;

// The console windows that are open: one a machine, any number of remote screens. GUI thread.
class ConsoleWindows : public QObject {
    Q_OBJECT
public:
    ConsoleWindows(Library& library, Supervisor& supervisor, SnapshotService& snapshots,
                   GuestDisplays& displays, CurrentPreferences& preferences,
                   QObject* parent = nullptr);
    ~ConsoleWindows() override;

    // Opens the machine's console, or brings it to the front.
    MachineConsole* show(const MachineId& id);
    MachineConsole* find(const MachineId& id) const;
    void showRemote(const VncAddress& address);
    // Closes all without questions; guests go on.
    void closeAll();

Q_SIGNALS:
    void settingsRequested(const vivarium::MachineId& id, QWidget* window);
    void logRequested(const vivarium::MachineId& id);
    void preferencesRequested(QWidget* window);

private:
    Library& m_library;
    Supervisor& m_supervisor;
    SnapshotService& m_snapshots;
    GuestDisplays& m_displays;
    CurrentPreferences& m_preferences;
    QHash<MachineId, QPointer<MachineConsole>> m_consoles;
    QList<QPointer<QWidget>> m_remotes;
};

} // namespace vivarium
