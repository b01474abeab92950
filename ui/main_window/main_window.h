#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/widgets/settings_page_id.h"

#include <QHash>
#include <QMainWindow>
#include <QPointer>

class QLabel;
class QSplitter;
class QStackedWidget;
class QTabWidget;
class QToolBar;

namespace vivarium {

class ConsoleWindows;
class CurrentPreferences;
class DetailsView;
class DiskManagerWindow;
class GuestDisplays;
class LogView;
class MachineActions;
class MachineList;
class MachineOperations;
class MachinePrompts;
class MachineTreeModel;
class NotificationCenter;
class SnapshotOperations;
class SnapshotPane;
class SnapshotPrompts;
class SnapshotService;
class WelcomePane;

// The application's main window: tool bar, machines at the left, details and log at the right.
// Composes; what is done to machines is in MachineOperations. GUI thread.
class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    MainWindow(Library& library, Supervisor& supervisor, SnapshotService& snapshots,
               GuestDisplays& displays, CurrentPreferences& preferences);
    ~MainWindow() override;

    ConsoleWindows& consoles() { return *m_consoles; }
    MachineOperations& operations() { return *m_operations; }
    MachineActions& actions() { return *m_actions; }
    MachineList& machineList() { return *m_list; }
    DetailsView& details() { return *m_details; }
    SnapshotPane& snapshots() { return *m_snapshotPane; }
    NotificationCenter& notifications() { return *m_notifications; }

    void openNewMachineWizard();
    // Makes a machine from a disk, an image or exported settings.
    void addFile(const QString& path);
    void openSettings(const MachineId& id, SettingsPageId page, QWidget* window);
    void openPreferences(QWidget* window);
    void openDiskManager();

protected:
    void closeEvent(QCloseEvent* event) override;
    void changeEvent(QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    void buildMenus();
    void buildToolBar();
    void buildCentre();
    void connectActions();
    void connectList();
    void retranslate();
    void updateSelection();
    void showContextMenu(const QPoint& position);
    void startOrShow();
    void togglePause();
    void activate(const MachineId& id);
    void addMachine();
    void addExportedSettings(const QString& path);
    void openRemoteScreen();
    void showLog(const MachineId& id);
    void showSnapshots();
    void showFolder(const MachineId& id);
    void reportStop(const MachineId& id, const MachineStatus& status);
    void showAbout();
    void saveLayout();
    void restoreLayout();

    Library& m_library;
    Supervisor& m_supervisor;
    SnapshotService& m_snapshots;
    GuestDisplays& m_displays;
    CurrentPreferences& m_preferences;
    NotificationCenter* m_notifications;
    MachineOperations* m_operations;
    MachineActions* m_actions;
    MachinePrompts* m_prompts;
    SnapshotOperations* m_snapshotOperations;
    SnapshotPrompts* m_snapshotPrompts;
    ConsoleWindows* m_consoles;
    MachineTreeModel* m_model;
    MachineList* m_list;
    QSplitter* m_splitter;
    QStackedWidget* m_right;
    WelcomePane* m_welcome;
    QLabel* m_selectionText;
    QTabWidget* m_tabs;
    DetailsView* m_details;
    SnapshotPane* m_snapshotPane;
    LogView* m_log;
    QToolBar* m_toolBar;
    QMenu* m_fileMenu;
    QMenu* m_machineMenu;
    QMenu* m_startMenu;
    QMenu* m_stopMenu;
    QMenu* m_helpMenu;
    QAction* m_stop;
    QPointer<DiskManagerWindow> m_diskManager;
    QHash<MachineId, MachineState> m_lastStates;
};

} // namespace vivarium
