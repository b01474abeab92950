#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/console/console_frame.h"

#include <functional>
#include <memory>

namespace vivarium {

class DiskNames;
class GuestDisplay;
class GuestDisplays;
class LocalConsoleSource;
class SnapshotOperations;
class SnapshotPrompts;
class SnapshotService;

// The console window of one machine: Machine, View, Input and Devices menus, the state banner, and
// the question what to do when it closes. Closes by itself when the machine stops normally; shows
// why when it did not. GUI thread.
class MachineConsole : public ConsoleFrame {
    Q_OBJECT
public:
    MachineConsole(Library& library, Supervisor& supervisor, SnapshotService& snapshots,
                   GuestDisplays& displays, CurrentPreferences& preferences, const MachineId& id);
    ~MachineConsole() override;

    MachineId machine() const { return m_machine; }
    // Closes without a question and without touching the guest (the application quits).
    void closeQuietly();

Q_SIGNALS:
    void settingsRequested(const vivarium::MachineId& id);
    void logRequested(const vivarium::MachineId& id);

protected:
    QString screenName() const override;
    void updateTitle() override;
    void retranslate() override;
    void closeEvent(QCloseEvent* event) override;

private:
    void buildMachineMenu();
    void buildDevicesMenu();
    void fillDrivesMenu();
    void fillDriveMenu(QMenu* menu, const DriveSettings& drive);
    void changeMedium(quint32 port, const QString& path, Supervisor::Eject mode);
    void chooseMedium(quint32 port);
    void showMachine();
    void showStatus();
    void showPausedBanner();
    void showEnded();
    void connectWorker();
    void askAndClose();
    // Asks before something that costs the guest its unsaved data.
    void askFirst(const QString& question, const QString& yes, std::function<void()> act);
    void reset();
    void closeWith(CloseAction action);
    void saveState();
    void run(Operation operation, const QFuture<Result<void>>& reply);
    const Machine* entry() const { return m_library.find(m_machine); }

    Library& m_library;
    DiskNames* m_diskNames;
    Supervisor& m_supervisor;
    CurrentPreferences& m_preferencesNow;
    MachineId m_machine;
    QString m_name; // kept for when the machine has been removed
    std::shared_ptr<GuestDisplay> m_display;
    std::unique_ptr<LocalConsoleSource> m_source;
    SnapshotOperations* m_snapshotOperations;
    SnapshotPrompts* m_snapshotPrompts;
    QMenu* m_machineMenu;
    QMenu* m_devicesMenu;
    QMenu* m_drivesMenu = nullptr;
    QAction* m_settings = nullptr;
    QAction* m_log = nullptr;
    QAction* m_takeSnapshot = nullptr;
    QAction* m_saveState = nullptr;
    QAction* m_pause = nullptr;
    QAction* m_reset = nullptr;
    QAction* m_shutdown = nullptr;
    QAction* m_powerOff = nullptr;
    QAction* m_close = nullptr;
    bool m_isQuiet = false;
    bool m_wasActive = false;
};

} // namespace vivarium
