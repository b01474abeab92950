#include "ui/main_window/main_window.h"

#include "core/model/settings_json.h"
#include "core/provision/guest_types.h"
#include "ui/console/machine_console.h"
#include "ui/details/details_view.h"
#include "ui/details/log_view.h"
#include "ui/disks/disk_manager_window.h"
#include "ui/library/machine_list.h"
#include "ui/library/machine_tree_model.h"
#include "ui/machine_settings/machine_settings_dialog.h"
#include "ui/machine_settings/preferences_dialog.h"
#include "ui/main_window/console_windows.h"
#include "ui/main_window/machine_actions.h"
#include "ui/main_window/machine_operations.h"
#include "ui/main_window/machine_prompts.h"
#include "ui/main_window/welcome_pane.h"
#include "ui/new_machine/new_machine_wizard.h"
#include "ui/snapshots/snapshot_operations.h"
#include "ui/snapshots/snapshot_pane.h"
#include "ui/snapshots/snapshot_prompts.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/background.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/notification_center.h"

#include <QAction>
#include <QApplication>
#include <QCloseEvent>
#include <QDesktopServices>
#include <QFileDialog>
#include <QInputDialog>
#include <QJsonDocument>
#include <QLabel>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QScreen>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabWidget>
#include <QToolBar>
#include <QToolButton>
#include <QTreeView>
#include <QUrl>
#include <QVBoxLayout>

namespace vivarium {

using control::StopReason;

namespace {
constexpr qint64 kMaxSettingsBytes = 1 << 20;
constexpr int kToolBarIconSize = 32;
} // namespace

MainWindow::MainWindow(Library& library, Supervisor& supervisor, SnapshotService& snapshots,
                       GuestDisplays& displays, CurrentPreferences& preferences)
    : m_library(library), m_supervisor(supervisor), m_snapshots(snapshots), m_displays(displays),
      m_preferences(preferences), m_notifications(new NotificationCenter(this)),
      m_operations(new MachineOperations(library, supervisor, *m_notifications, this)),
      m_actions(new MachineActions(this)),
      m_prompts(new MachinePrompts(library, snapshots, *m_operations, this)),
      m_snapshotOperations(new SnapshotOperations(snapshots, library, *m_notifications, this)),
      m_snapshotPrompts(new SnapshotPrompts(snapshots, library, supervisor, displays,
                                            *m_snapshotOperations, this)),
      m_consoles(new ConsoleWindows(library, supervisor, snapshots, displays, preferences, this)),
      m_model(new MachineTreeModel(library, supervisor, this)) {
    setWindowTitle(QStringLiteral("Vivarium"));
    setAcceptDrops(true);
    buildCentre();
    buildMenus();
    buildToolBar();
    connectActions();
    connectList();
    connect(m_consoles, &ConsoleWindows::settingsRequested, this,
            [this](const MachineId& id, QWidget* window) {
                openSettings(id, SettingsPageId::General, window);
            });
    connect(m_consoles, &ConsoleWindows::logRequested, this, &MainWindow::showLog);
    connect(m_consoles, &ConsoleWindows::preferencesRequested, this, &MainWindow::openPreferences);
    connect(m_operations, &MachineOperations::started, m_consoles, &ConsoleWindows::show);
    connect(m_snapshotOperations, &SnapshotOperations::copied, this,
            [this](const QList<MachineId>& machines) { m_list->select(machines.constFirst()); });
    for (const Machine& machine : library.machines())
        m_lastStates.insert(machine.id, supervisor.status(machine.id).state);
    connect(&supervisor, &Supervisor::statusChanged, this,
            [this](const MachineId& id, const MachineStatus& status) {
                updateSelection();
                reportStop(id, status);
            });
    retranslate();
    restoreLayout();
    updateSelection();
    m_list->view()->setFocus();
}

MainWindow::~MainWindow() = default;

void MainWindow::buildCentre() {
    m_list = new MachineList(m_library, *m_model, this);
    m_welcome = new WelcomePane(this);
    m_selectionText = new QLabel(this);
    m_selectionText->setAlignment(Qt::AlignCenter);
    m_selectionText->setWordWrap(true);
    m_selectionText->setForegroundRole(QPalette::PlaceholderText);
    m_details = new DetailsView(m_library, m_supervisor, m_displays, this);
    m_snapshotPane = new SnapshotPane(m_snapshots, m_library, m_supervisor, *m_snapshotOperations,
                                      *m_snapshotPrompts, this);
    m_log = new LogView(m_library, m_supervisor, this);
    m_details->setObjectName(QStringLiteral("details")); // how the layout remembers the tab
    m_snapshotPane->setObjectName(QStringLiteral("snapshots"));
    m_log->setObjectName(QStringLiteral("log"));
    m_tabs = new QTabWidget(this);
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(m_details, applicationIcon(QStringLiteral("section-general")), QString());
    m_tabs->addTab(m_snapshotPane, applicationIcon(QStringLiteral("snapshot")), QString());
    m_tabs->addTab(m_log, applicationIcon(QStringLiteral("log")), QString());
    m_right = new QStackedWidget(this);
    for (QWidget* page : QList<QWidget*>{m_welcome, m_selectionText, m_tabs})
        m_right->addWidget(page);
    auto* rightSide = new QWidget(this);
    auto* rightLayout = new QVBoxLayout(rightSide);
    rightLayout->setContentsMargins(0, 0, 0, 0);
    rightLayout->setSpacing(0);
    rightLayout->addWidget(m_notifications);
    rightLayout->addWidget(m_right, 1);
    m_splitter = new QSplitter(this);
    m_splitter->addWidget(m_list);
    m_splitter->addWidget(rightSide);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setSizes({260, 700});
    m_splitter->setChildrenCollapsible(false);
    setCentralWidget(m_splitter);
}

void MainWindow::buildMenus() {
    MachineActions& a = *m_actions;
    m_fileMenu = menuBar()->addMenu(QString());
    m_fileMenu->addActions({a.preferences, a.diskManager, a.connectRemote});
    m_fileMenu->addSeparator();
    m_fileMenu->addAction(a.quit);

    m_machineMenu = menuBar()->addMenu(QString());
    m_machineMenu->addActions({a.newMachine, a.add});
    m_machineMenu->addSeparator();
    m_machineMenu->addActions({a.settings, a.clone, a.useAsTemplate, a.rename, a.group, a.remove});
    m_machineMenu->addSeparator();
    m_startMenu = m_machineMenu->addMenu(applicationIcon(QStringLiteral("machine-start")), {});
    m_startMenu->addActions({a.startNormal, a.startHeadless});
    m_machineMenu->addActions({a.pause, a.reset});
    m_stopMenu = m_machineMenu->addMenu(applicationIcon(QStringLiteral("machine-stop")), {});
    m_stopMenu->addActions({a.saveState, a.shutDown, a.powerOff});
    m_machineMenu->addAction(a.discardSavedState);
    m_machineMenu->addSeparator();
    m_machineMenu->addActions({a.showSnapshots, a.showLog, a.showFolder, a.search});

    m_helpMenu = menuBar()->addMenu(QString());
    m_helpMenu->addAction(a.about);
}

void MainWindow::buildToolBar() {
    MachineActions& a = *m_actions;
    m_toolBar = addToolBar(QString());
    m_toolBar->setObjectName(QStringLiteral("toolBar"));
    m_toolBar->setMovable(false);
    m_toolBar->setContextMenuPolicy(Qt::PreventContextMenu);
    m_toolBar->setIconSize(QSize(kToolBarIconSize, kToolBarIconSize));
    m_toolBar->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    m_toolBar->addActions({a.newMachine, a.add});
    m_toolBar->addSeparator();
    m_toolBar->addActions({a.settings, a.start});
    auto* startMenu = new QMenu(this);
    startMenu->addActions({a.startNormal, a.startHeadless});
    a.start->setMenu(startMenu);
    if (auto* button = qobject_cast<QToolButton*>(m_toolBar->widgetForAction(a.start)))
        button->setPopupMode(QToolButton::MenuButtonPopup);
    m_toolBar->addAction(a.pause);
    m_stop = m_toolBar->addAction(applicationIcon(QStringLiteral("machine-stop")), QString());
    auto* stopMenu = new QMenu(this);
    stopMenu->addActions({a.saveState, a.shutDown, a.powerOff});
    stopMenu->addSeparator();
    stopMenu->addAction(a.reset);
    m_stop->setMenu(stopMenu);
    if (auto* button = qobject_cast<QToolButton*>(m_toolBar->widgetForAction(m_stop)))
        button->setPopupMode(QToolButton::InstantPopup);
}

void MainWindow::connectActions() {
    MachineActions& a = *m_actions;
    const auto onTrigger = [this](const QAction* action, auto act) {
        connect(action, &QAction::triggered, this, [act](bool) { act(); });
    };
    const auto forSelected = [this](auto act) {
        return [this, act] {
            const QList<MachineId> machines = m_list->selectedMachines();
            for (const MachineId& id : machines)
                act(id);
        };
    };
    onTrigger(a.newMachine, [this] { openNewMachineWizard(); });
    onTrigger(a.add, [this] { addMachine(); });
    onTrigger(a.settings,
              [this] { openSettings(m_list->currentMachine(), SettingsPageId::General, this); });
    onTrigger(a.rename, [this] { m_list->editCurrentName(); });
    onTrigger(a.remove, [this] { m_prompts->remove(m_list->selectedMachines()); });
    onTrigger(a.group, [this] { m_prompts->group(m_list->selectedMachines()); });
    onTrigger(a.start, [this] { startOrShow(); });
    onTrigger(a.startNormal, forSelected([this](const MachineId& id) {
                  m_operations->start(id, MachineOperations::StartMode::Normal);
              }));
    onTrigger(a.startHeadless, forSelected([this](const MachineId& id) {
                  m_operations->start(id, MachineOperations::StartMode::Headless);
              }));
    onTrigger(a.pause, [this] { togglePause(); });
    onTrigger(a.reset, [this] { m_prompts->reset(m_list->selectedMachines()); });
    onTrigger(a.shutDown, forSelected([this](const MachineId& id) { m_operations->shutDown(id); }));
    onTrigger(a.saveState, forSelected([this](const MachineId& id) {
                  const MachineState state = m_supervisor.status(id).state;
                  if (state == MachineState::Running || state == MachineState::Paused)
                      m_snapshotOperations->saveState(id);
              }));
    onTrigger(a.discardSavedState, [this] {
        QList<MachineId> saved;
        const QList<MachineId> selected = m_list->selectedMachines();
        for (const MachineId& id : selected)
            if (m_supervisor.status(id).state == MachineState::Saved)
                saved << id;
        m_snapshotPrompts->discardSavedState(saved);
    });
    onTrigger(a.clone, [this] { m_snapshotPrompts->clone(m_list->currentMachine(), {}); });
    onTrigger(a.useAsTemplate, [this] {
        m_snapshotPrompts->toggleTemplate(m_list->currentMachine());
        updateSelection(); // the check mark follows the state, not the click
    });
    onTrigger(a.showSnapshots, [this] { showSnapshots(); });
    onTrigger(a.powerOff, [this] { m_prompts->powerOff(m_list->selectedMachines()); });
    onTrigger(a.showLog, [this] { showLog(m_list->currentMachine()); });
    onTrigger(a.showFolder, [this] { showFolder(m_list->currentMachine()); });
    onTrigger(a.search, [this] { m_list->focusSearch(); });
    onTrigger(a.preferences, [this] { openPreferences(this); });
    onTrigger(a.diskManager, [this] { openDiskManager(); });
    onTrigger(a.connectRemote, [this] { openRemoteScreen(); });
    onTrigger(a.quit, [this] {
        m_consoles->closeAll();
        close();
    });
    onTrigger(a.about, [this] { showAbout(); });
}

void MainWindow::connectList() {
    connect(m_list, &MachineList::selectionChanged, this, &MainWindow::updateSelection);
    connect(m_list, &MachineList::activated, this, &MainWindow::activate);
    connect(m_list, &MachineList::contextMenuRequested, this, &MainWindow::showContextMenu);
    connect(m_model, &MachineTreeModel::renameRequested, m_operations, &MachineOperations::rename);
    connect(m_model, &MachineTreeModel::groupRenameRequested, m_operations,
            &MachineOperations::renameGroup);
    connect(m_model, &MachineTreeModel::moveRequested, m_operations,
            &MachineOperations::moveToGroup);
    connect(m_details, &DetailsView::settingsRequested, this, [this](int page) {
        openSettings(m_details->machine(), static_cast<SettingsPageId>(page), this);
    });
    connect(m_details, &DetailsView::activated, this, &MainWindow::activate);
    connect(m_welcome, &WelcomePane::newRequested, this, &MainWindow::openNewMachineWizard);
    connect(m_welcome, &WelcomePane::addRequested, this, &MainWindow::addMachine);
    connect(&m_library, &Library::machineAdded, this, &MainWindow::updateSelection);
    connect(&m_library, &Library::machineRemoved, this, &MainWindow::updateSelection);
    connect(&m_library, &Library::machineChanged, this, &MainWindow::updateSelection);
    connect(m_operations, &MachineOperations::pendingRemovalsChanged, this,
            [this] { m_list->setHidden(m_operations->pendingRemovals()); });
}

void MainWindow::updateSelection() {
    const QList<MachineId> selected = m_list->selectedMachines();
    const MachineId current = m_list->currentMachine();
    const QString group = current.isNull() ? m_list->currentGroup() : QString();
    m_actions->update({selected, group}, m_supervisor, m_library);
    m_stop->setEnabled(m_actions->powerOff->isEnabled());
    if (m_library.machines().isEmpty()) {
        m_right->setCurrentWidget(m_welcome);
        return;
    }
    if (!current.isNull() && selected.size() == 1) {
        m_details->setMachine(current);
        m_snapshotPane->setMachine(current);
        m_log->setMachine(current);
        m_right->setCurrentWidget(m_tabs);
        return;
    }
    m_selectionText->setText(selected.isEmpty() ? tr("Select a machine to see its details.")
                                                : tr("%n machine(s) selected", nullptr,
                                                     static_cast<int>(selected.size())));
    m_right->setCurrentWidget(m_selectionText);
}

void MainWindow::showContextMenu(const QPoint& position) {
    MachineActions& a = *m_actions;
    QMenu menu(this);
    if (m_list->selectedMachines().isEmpty()) {
        menu.addActions({a.newMachine, a.add});
    } else {
        menu.addActions({a.settings, a.clone, a.useAsTemplate, a.rename, a.group, a.remove});
        menu.addSeparator();
        menu.addAction(a.start);
        menu.addActions({a.pause, a.reset});
        menu.addMenu(m_stopMenu);
        if (a.discardSavedState->isEnabled())
            menu.addAction(a.discardSavedState);
        menu.addSeparator();
        menu.addActions({a.showSnapshots, a.showLog, a.showFolder});
    }
    menu.exec(position);
}

void MainWindow::startOrShow() {
    const bool show = m_actions->startShows();
    const QList<MachineId> machines = m_list->selectedMachines();
    for (const MachineId& id : machines) {
        if (show)
            m_consoles->show(id);
        else
            m_operations->start(id, MachineOperations::StartMode::Normal);
    }
}

void MainWindow::togglePause() {
    const QList<MachineId> machines = m_list->selectedMachines();
    // The check mark was toggled by the click; the states say what to do.
    const bool anyRunning = std::any_of(machines.begin(), machines.end(), [this](const auto& id) {
        return m_supervisor.status(id).state == MachineState::Running;
    });
    for (const MachineId& id : machines) {
        const MachineState state = m_supervisor.status(id).state;
        if (anyRunning && state == MachineState::Running)
            m_operations->pause(id);
        else if (!anyRunning && state == MachineState::Paused)
            m_operations->resume(id);
    }
    updateSelection();
}

void MainWindow::activate(const MachineId& id) {
    if (m_snapshots.isTemplate(id)) {
        m_snapshotPrompts->clone(id, {});
        return;
    }
    switch (m_supervisor.status(id).state) {
    case MachineState::PoweredOff:
    case MachineState::Aborted:
    case MachineState::Saved:
        m_operations->start(id, MachineOperations::StartMode::Normal);
        break;
    case MachineState::Running:
    case MachineState::Paused:
    case MachineState::Stopping:
        m_consoles->show(id);
        break;
    case MachineState::Starting:
        break;
    }
}

void MainWindow::openNewMachineWizard() {
    auto* wizard = new NewMachineWizard(
        m_library, m_preferences,
        m_list->currentMachine().isNull() ? m_list->currentGroup() : QString(), this);
    connect(wizard, &NewMachineWizard::created, m_list, &MachineList::select);
    wizard->open();
}

void MainWindow::openSettings(const MachineId& id, SettingsPageId page, QWidget* window) {
    if (!m_library.find(id))
        return;
    auto* dialog = new MachineSettingsDialog(m_library, m_supervisor, m_preferences, id, window);
    dialog->showSection(page);
    dialog->open();
}

void MainWindow::openPreferences(QWidget* window) {
    (new PreferencesDialog(m_preferences, window))->open();
}

void MainWindow::openDiskManager() {
    if (!m_diskManager)
        m_diskManager =
            new DiskManagerWindow(m_library, m_preferences, ImageTool::defaultProgram(), this);
    m_diskManager->show();
    m_diskManager->raise();
    m_diskManager->activateWindow();
}

void MainWindow::addMachine() {
    auto* dialog = new QFileDialog(
        this, tr("Add a Machine"), mediaFolder(m_preferences.value()),
        tr("Disks, images and exported settings (*.img *.raw *.dd *.iso *.json);;All files (*)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::addFile);
    dialog->open();
}

void MainWindow::addFile(const QString& path) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (suffix == u"json") {
        addExportedSettings(path);
        return;
    }
    auto* wizard = new NewMachineWizard(m_library, m_preferences, QString(), this);
    if (suffix == u"iso")
        wizard->suggestImage(path);
    else
        wizard->suggestDisk(path);
    connect(wizard, &NewMachineWizard::created, m_list, &MachineList::select);
    wizard->open();
}

void MainWindow::addExportedSettings(const QString& path) {
    const auto read = [path]() -> Result<MachineSettings> {
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly))
            return fail(ErrorCode::Io, file.errorString().toStdString());
        QJsonParseError problem{};
        const QJsonDocument document =
            QJsonDocument::fromJson(file.read(kMaxSettingsBytes), &problem);
        if (!document.isObject())
            return fail(ErrorCode::Corrupt, problem.errorString().toStdString());
        const QJsonObject object = document.object();
        const QJsonValue settings = object.value(u"settings"); // as "viv info --json" prints it
        return machineSettingsFromJson(settings.isObject() ? settings.toObject() : object);
    };
    whenReplied(this, computeInBackground(read), [this, path](const Result<MachineSettings>& s) {
        const QString file = QFileInfo(path).fileName();
        if (!s) {
            m_notifications->showFailure(describeError(Operation::AddMachine, file, s.error()));
            return;
        }
        Machine machine;
        machine.settings = *s;
        whenReplied(this, m_library.add(machine), [this, file](const Result<MachineId>& added) {
            if (added)
                m_list->select(*added);
            else
                m_notifications->showFailure(
                    describeError(Operation::AddMachine, file, added.error()));
        });
    });
}

void MainWindow::openRemoteScreen() {
    auto* dialog = new QInputDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Connect to Remote Screen"));
    dialog->setLabelText(tr("Address of the VNC server, for example vnc://192.168.1.20:5900:"));
    dialog->setTextValue(QStringLiteral("vnc://"));
    dialog->resize(420, dialog->sizeHint().height());
    connect(dialog, &QInputDialog::textValueSelected, this, [this](const QString& text) {
        const Result<VncAddress> address = VncAddress::parse(text);
        if (address)
            m_consoles->showRemote(*address);
        else
            m_notifications->showFailure(
                describeError(Operation::ConnectRemoteScreen, text, address.error()));
    });
    dialog->open();
}

void MainWindow::showLog(const MachineId& id) {
    m_list->select(id);
    m_tabs->setCurrentWidget(m_log);
    show();
    raise();
    activateWindow();
}

void MainWindow::showSnapshots() {
    m_tabs->setCurrentWidget(m_snapshotPane);
    m_snapshotPane->view()->setFocus();
}

void MainWindow::showFolder(const MachineId& id) {
    if (const Machine* machine = m_library.find(id))
        QDesktopServices::openUrl(QUrl::fromLocalFile(machine->folder));
}

void MainWindow::reportStop(const MachineId& id, const MachineStatus& status) {
    const MachineState last = m_lastStates.value(id, MachineState::PoweredOff);
    m_lastStates.insert(id, status.state);
    const bool wasActive = last == MachineState::Running || last == MachineState::Paused ||
                           last == MachineState::Stopping || last == MachineState::Starting;
    if (!wasActive || last == status.state || m_consoles->find(id))
        return; // its own window says it
    const Machine* machine = m_library.find(id);
    const UserMessage message = describeStop(machine ? machine->settings.name : QString(),
                                             status.state, status.reason, status.detail);
    if (message.title.isEmpty())
        return;
    Notification* notification = m_notifications->showFailure(message);
    if (status.state == MachineState::Paused)
        notification->addAction(tr("Show"), [this, id] { m_consoles->show(id); });
    else
        notification->addAction(tr("Show Log"), [this, id] { showLog(id); });
}

void MainWindow::showAbout() {
    auto* box = new QMessageBox(this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setWindowTitle(tr("About Vivarium"));
    box->setIconPixmap(applicationIcon(QStringLiteral("vivarium")).pixmap(96, 96));
    box->setText(QStringLiteral("Vivarium ") + QStringLiteral(VIVARIUM_VERSION));
    box->setInformativeText(tr("A virtual machine manager with its own KVM engine.\n"
                               "Free software under the GNU General Public License, version 2 or "
                               "later."));
    box->open();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    if (urls.size() == 1 && urls.first().isLocalFile())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    event->acceptProposedAction();
    addFile(event->mimeData()->urls().constFirst().toLocalFile());
}

void MainWindow::saveLayout() {
    QSettings settings(Preferences::filePath(m_preferences.paths()), QSettings::IniFormat);
    settings.beginGroup(QStringLiteral("MainWindow"));
    settings.setValue(QStringLiteral("geometry"), saveGeometry());
    settings.setValue(QStringLiteral("splitter"), m_splitter->saveState());
    settings.setValue(QStringLiteral("tab"), m_tabs->currentWidget()->objectName());
    m_snapshotPane->saveLayout(settings);
    m_list->saveLayout(settings);
}

void MainWindow::restoreLayout() {
    QSettings settings(Preferences::filePath(m_preferences.paths()), QSettings::IniFormat);
    settings.beginGroup(QStringLiteral("MainWindow"));
    if (!restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray()))
        resize(QSize(980, 640).boundedTo(screen()->availableSize() * 9 / 10));
    m_splitter->restoreState(settings.value(QStringLiteral("splitter")).toByteArray());
    const QString tab = settings.value(QStringLiteral("tab")).toString();
    for (QWidget* page : QList<QWidget*>{m_details, m_snapshotPane, m_log})
        if (page->objectName() == tab)
            m_tabs->setCurrentWidget(page);
    m_snapshotPane->restoreLayout(settings);
    m_list->restoreLayout(settings);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    saveLayout();
    m_operations->finishRemovals();
    m_snapshotOperations->finishRemovals();
    if (m_diskManager)
        m_diskManager->finishRemovals();
    QMainWindow::closeEvent(event);
}

void MainWindow::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QMainWindow::changeEvent(event);
}

void MainWindow::retranslate() {
    m_actions->retranslate();
    m_fileMenu->setTitle(tr("&File"));
    m_machineMenu->setTitle(tr("&Machine"));
    m_startMenu->setTitle(tr("St&art"));
    m_stopMenu->setTitle(tr("St&op"));
    m_helpMenu->setTitle(tr("&Help"));
    m_stop->setText(tr("Stop"));
    m_stop->setToolTip(tr("Shuts the selected machine down or cuts its power"));
    m_toolBar->setWindowTitle(tr("Tool Bar"));
    m_tabs->setTabText(0, tr("Details"));
    m_tabs->setTabText(1, tr("Snapshots"));
    m_tabs->setTabText(2, tr("Logs"));
    updateSelection();
}

} // namespace vivarium
