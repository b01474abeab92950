#include "ui/console/machine_console.h"

#include "ui/console/close_dialog.h"
#include "ui/console/console_banner.h"
#include "ui/console/console_status_bar.h"
#include "ui/console/console_widget.h"
#include "ui/console/local_console_source.h"
#include "ui/snapshots/snapshot_operations.h"
#include "ui/snapshots/snapshot_prompts.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/disk_names.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/guest_display.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/notification_center.h"

#include <QAction>
#include <QCloseEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>
#include <QTimer>

#include <linux/input-event-codes.h>

namespace vivarium {

using control::MachineState;
using control::StopReason;

namespace {

bool isActive(MachineState state) {
    return state == MachineState::Starting || state == MachineState::Running ||
           state == MachineState::Paused || state == MachineState::Stopping;
}

} // namespace

MachineConsole::MachineConsole(Library& library, Supervisor& supervisor, SnapshotService& snapshots,
                               GuestDisplays& displays, CurrentPreferences& preferences,
                               const MachineId& id)
    : ConsoleFrame(preferences), m_library(library), m_diskNames(new DiskNames(library, this)),
      m_supervisor(supervisor), m_preferencesNow(preferences), m_machine(id),
      m_display(displays.open(id)), m_source(std::make_unique<LocalConsoleSource>(m_display)),
      m_snapshotOperations(new SnapshotOperations(snapshots, library, *notifications(), this)),
      m_snapshotPrompts(new SnapshotPrompts(snapshots, library, supervisor, displays,
                                            *m_snapshotOperations, this)),
      m_machineMenu(new QMenu(this)), m_devicesMenu(new QMenu(this)) {
    setAttribute(Qt::WA_DeleteOnClose);
    insertMenu(m_machineMenu);
    appendMenu(m_devicesMenu);
    buildMachineMenu();
    buildDevicesMenu();
    showMachine();
    setSource(m_source.get());
    connectWorker();
    connect(m_display.get(), &GuestDisplay::connectionChanged, this,
            &MachineConsole::connectWorker);
    connect(&supervisor, &Supervisor::statusChanged, this, [this](const MachineId& changed) {
        if (changed == m_machine)
            showStatus();
    });
    connect(m_snapshotOperations, &SnapshotOperations::busyChanged, this,
            &MachineConsole::showStatus);
    connect(&library, &Library::machineChanged, this, [this](int index) {
        if (m_library.machines().at(index).id == m_machine)
            showMachine();
    });
    connect(this, &ConsoleFrame::scaleModeChosen, this, [this](ScaleMode mode) {
        if (const Machine* machine = entry(); machine && machine->settings.scaleMode != mode) {
            Machine changed = *machine;
            changed.settings.scaleMode = mode;
            run(Operation::SaveSettings, m_library.update(changed));
        }
    });
    connect(m_diskNames, &DiskNames::learned, this, &MachineConsole::showMachine);
    retranslate();
    showStatus();
    resize(800, 600);
}

MachineConsole::~MachineConsole() {
    view()->setSource(nullptr);
}

void MachineConsole::buildMachineMenu() {
    m_settings = addHostAction(m_machineMenu, KEY_S, [this] {
        Q_EMIT
        settingsRequested(m_machine);
    });
    m_settings->setIcon(applicationIcon(QStringLiteral("machine-settings")));
    m_log = addHostAction(m_machineMenu, 0, [this] {
        Q_EMIT
        logRequested(m_machine);
    });
    m_log->setIcon(applicationIcon(QStringLiteral("log")));
    m_takeSnapshot = addHostAction(m_machineMenu, KEY_T, [this] {
        view()->releaseCapture();
        m_snapshotPrompts->take(m_machine);
    });
    m_takeSnapshot->setIcon(applicationIcon(QStringLiteral("snapshot-take")));
    m_machineMenu->addSeparator();
    m_pause = addHostAction(m_machineMenu, KEY_P, [this] {
        if (m_supervisor.status(m_machine).state == MachineState::Paused)
            run(Operation::ResumeMachine, m_supervisor.resume(m_machine));
        else
            run(Operation::PauseMachine, m_supervisor.pause(m_machine));
    });
    m_pause->setCheckable(true);
    m_pause->setIcon(applicationIcon(QStringLiteral("machine-pause")));
    m_reset = addHostAction(m_machineMenu, KEY_R, [this] {
        askFirst(tr("Reset the machine “%1”?").arg(m_name), tr("&Reset"), [this] { reset(); });
    });
    m_reset->setIcon(applicationIcon(QStringLiteral("machine-reset")));
    m_saveState = addHostAction(m_machineMenu, 0, [this] { saveState(); });
    m_saveState->setIcon(applicationIcon(QStringLiteral("state-saved")));
    m_shutdown = addHostAction(m_machineMenu, KEY_H, [this] {
        run(Operation::ShutDownMachine, m_supervisor.powerButton(m_machine));
    });
    m_shutdown->setIcon(applicationIcon(QStringLiteral("machine-shutdown")));
    m_powerOff = addHostAction(m_machineMenu, 0, [this] {
        askFirst(tr("Power off the machine “%1”?").arg(m_name), tr("&Power Off"),
                 [this] { closeWith(CloseAction::PowerOff); });
    });
    m_powerOff->setIcon(applicationIcon(QStringLiteral("machine-power-off")));
    m_machineMenu->addSeparator();
    m_close = addHostAction(m_machineMenu, KEY_Q, [this] { close(); });
    m_close->setIcon(applicationIcon(QStringLiteral("close")));
}

void MachineConsole::buildDevicesMenu() {
    m_drivesMenu = m_devicesMenu->addMenu(applicationIcon(QStringLiteral("optical")), QString());
    connect(m_drivesMenu, &QMenu::aboutToShow, this, &MachineConsole::fillDrivesMenu);
}

void MachineConsole::fillDrivesMenu() {
    m_drivesMenu->clear();
    const Machine* machine = entry();
    QList<DriveSettings> opticals;
    if (machine)
        for (const DriveSettings& drive : machine->settings.drives)
            if (drive.type == DriveType::Optical)
                opticals << drive;
    if (opticals.isEmpty())
        m_drivesMenu->addAction(tr("The machine has no optical drive"))->setEnabled(false);
    else if (opticals.size() == 1)
        fillDriveMenu(m_drivesMenu, opticals.first());
    else
        for (const DriveSettings& drive : std::as_const(opticals))
            fillDriveMenu(m_drivesMenu->addMenu(tr("SATA Port %1").arg(drive.port)), drive);
}

void MachineConsole::fillDriveMenu(QMenu* menu, const DriveSettings& drive) {
    const quint32 port = drive.port;
    const QStringList known = knownOpticalImages(m_library);
    for (const QString& path : known) {
        QAction* action = menu->addAction(QFileInfo(path).fileName());
        action->setToolTip(path);
        action->setCheckable(true);
        action->setChecked(path == drive.path);
        connect(action, &QAction::triggered, this,
                [this, port, path] { changeMedium(port, path, Supervisor::Eject::Ask); });
    }
    menu->setToolTipsVisible(true);
    menu->addSeparator();
    connect(menu->addAction(tr("Choose a Disk File…")), &QAction::triggered, this,
            [this, port] { chooseMedium(port); });
    QAction* remove = menu->addAction(tr("Remove Disk From Virtual Drive"));
    remove->setEnabled(!drive.path.isEmpty());
    connect(remove, &QAction::triggered, this,
            [this, port] { changeMedium(port, QString(), Supervisor::Eject::Ask); });
}

void MachineConsole::chooseMedium(quint32 port) {
    view()->releaseCapture();
    auto* dialog = new QFileDialog(this, tr("Choose an Optical Disk"),
                                   mediaFolder(m_preferencesNow.value()), opticalImageFilters());
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, [this, port](const QString& path) {
        changeMedium(port, path, Supervisor::Eject::Ask);
    });
    dialog->open();
}

void MachineConsole::changeMedium(quint32 port, const QString& path, Supervisor::Eject mode) {
    whenReplied(this, m_supervisor.changeMedium(m_machine, port, path, mode),
                [this, port, path](const Result<void>& reply) {
                    if (reply || reply.error().code == ErrorCode::Cancelled)
                        return;
                    Notification* notification = notifications()->showFailure(
                        describeError(Operation::ChangeMedium, m_name, reply.error()));
                    if (reply.error().code == ErrorCode::Busy)
                        notification->addAction(tr("Force"), [this, port, path] {
                            changeMedium(port, path, Supervisor::Eject::Force);
                        });
                });
}

void MachineConsole::connectWorker() {
    WorkerConnection* worker = m_display->connection();
    if (!worker)
        return;
    connect(worker, &WorkerConnection::activity, consoleStatusBar(),
            &ConsoleStatusBar::showActivity, Qt::UniqueConnection);
    whenReplied(this, worker->send(control::Status{}), [this](const auto& reply) {
        if (reply)
            consoleStatusBar()->setAccelerator(
                QString::fromStdString(reply->value.accelerator),
                QString::fromStdString(reply->value.acceleratorReason));
    });
}

void MachineConsole::showMachine() {
    const Machine* machine = entry();
    if (!machine)
        return;
    m_name = machine->settings.name;
    QList<DriveSettings> drives = machine->settings.drives;
    for (DriveSettings& drive : drives)
        drive.path = m_diskNames->base(drive.path); // only shown
    consoleStatusBar()->setDrives(drives);
    if (view()->scaleMode() != machine->settings.scaleMode)
        setScaleMode(machine->settings.scaleMode);
    updateTitle();
}

void MachineConsole::showStatus() {
    const MachineStatus status = m_supervisor.status(m_machine);
    const bool active = isActive(status.state);
    const bool paused = status.state == MachineState::Paused;
    m_pause->setChecked(paused);
    const bool canPause = status.state == MachineState::Running || paused;
    m_pause->setEnabled(canPause && status.reason != StopReason::InternalError);
    m_reset->setEnabled(active);
    m_shutdown->setEnabled(status.state == MachineState::Running ||
                           status.state == MachineState::Stopping);
    m_powerOff->setEnabled(active);
    const bool busy = m_snapshotOperations->isBusy(m_machine);
    m_takeSnapshot->setEnabled(canPause && !busy);
    m_saveState->setEnabled(canPause && !busy);
    m_devicesMenu->setEnabled(active);
    view()->setDimmed(paused);
    view()->setPlaceholder(active ? tr("The guest shows no picture yet.")
                                  : stateText(status.state));
    if (paused)
        showPausedBanner();
    else if (active)
        banner()->dismiss();
    else
        showEnded();
    m_wasActive = m_wasActive || active;
    updateTitle();
}

void MachineConsole::showPausedBanner() {
    const MachineStatus status = m_supervisor.status(m_machine);
    UserMessage message = describeStop(m_name, status.state, status.reason, status.detail);
    const bool problem = !message.title.isEmpty();
    if (!problem)
        message.title = tr("The machine is paused.");
    QList<ConsoleBanner::Action> actions;
    if (status.reason == StopReason::InternalError || status.reason == StopReason::TripleFault) {
        actions.append({tr("Reset"), [this] { reset(); }}); // nothing left to lose
        actions.append({tr("Power Off"), [this] { closeWith(CloseAction::PowerOff); }});
    } else {
        actions.append({problem ? tr("Try Again") : tr("Resume"),
                        [this] { run(Operation::ResumeMachine, m_supervisor.resume(m_machine)); }});
        if (problem)
            actions.append({tr("Power Off"), [this] { m_powerOff->trigger(); }});
    }
    banner()->show(problem ? ConsoleBanner::Tone::Problem : ConsoleBanner::Tone::Paused, message,
                   actions);
}

void MachineConsole::showEnded() {
    const MachineStatus status = m_supervisor.status(m_machine);
    view()->releaseCapture();
    const UserMessage message = describeStop(m_name, status.state, status.reason, status.detail);
    if (message.title.isEmpty()) {
        if (m_wasActive)
            closeQuietly();
        return;
    }
    banner()->show(ConsoleBanner::Tone::Problem, message,
                   {{tr("Show Log"),
                     [this] {
                         Q_EMIT
                         logRequested(m_machine);
                     }},
                    {tr("Start Again"),
                     [this] {
                         banner()->dismiss();
                         run(Operation::StartMachine, m_supervisor.start(m_machine));
                     }},
                    {tr("Close"), [this] { closeQuietly(); }}});
}

void MachineConsole::run(Operation operation, const QFuture<Result<void>>& reply) {
    whenReplied(this, reply, [this, operation](const Result<void>& result) {
        if (!result)
            showFailure(operation, result.error());
        showStatus(); // the check mark follows the state, not the click
    });
}

void MachineConsole::reset() {
    run(Operation::ResetMachine, m_supervisor.reset(m_machine));
}

void MachineConsole::askFirst(const QString& question, const QString& yes,
                              std::function<void()> act) {
    if (findChild<QMessageBox*>())
        return;
    view()->releaseCapture();
    auto* box = new QMessageBox(QMessageBox::Question, m_name, question, QMessageBox::Cancel, this);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText);
    box->setInformativeText(tr("What the guest has not saved is lost."));
    const QPushButton* button = box->addButton(yes, QMessageBox::AcceptRole);
    connect(button, &QPushButton::clicked, this, [call = std::move(act)] { call(); });
    box->open();
}

void MachineConsole::closeQuietly() {
    m_isQuiet = true;
    close();
}

void MachineConsole::closeEvent(QCloseEvent* event) {
    const MachineState state = m_supervisor.status(m_machine).state;
    if (m_isQuiet || !isActive(state)) {
        event->accept();
        return;
    }
    const Machine* machine = entry();
    CloseAction action = machine ? machine->settings.closeAction : CloseAction::KeepRunning;
    if (action == CloseAction::Ask && !m_preferencesNow.value().confirmClosing)
        action = CloseAction::KeepRunning;
    if (action == CloseAction::KeepRunning) {
        event->accept();
        return;
    }
    event->ignore();
    if (action == CloseAction::Ask)
        askAndClose();
    else
        closeWith(action);
}

void MachineConsole::askAndClose() {
    if (findChild<CloseDialog*>())
        return;
    view()->releaseCapture();
    auto* dialog = new CloseDialog(m_name,
                                   m_supervisor.status(m_machine).state == MachineState::Paused
                                       ? CloseDialog::Guest::Paused
                                       : CloseDialog::Guest::Running,
                                   this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] {
        const CloseAction action = dialog->action();
        const Machine* machine = entry();
        if (dialog->remember() && machine) {
            Machine changed = *machine;
            changed.settings.closeAction = action;
            run(Operation::SaveSettings, m_library.update(changed));
        }
        closeWith(action);
    });
    dialog->open();
}

void MachineConsole::closeWith(CloseAction action) {
    switch (action) {
    case CloseAction::Ask:
    case CloseAction::KeepRunning:
        closeQuietly();
        break;
    case CloseAction::SaveState:
        saveState();
        break;
    case CloseAction::Shutdown: // the window closes when the guest has shut down
        run(Operation::ShutDownMachine, m_supervisor.powerButton(m_machine));
        break;
    case CloseAction::PowerOff:
        run(Operation::PowerOffMachine, m_supervisor.powerOff(m_machine));
        break;
    }
}

// The window closes when the machine has stopped.
void MachineConsole::saveState() {
    view()->releaseCapture();
    m_snapshotOperations->saveState(m_machine);
}

QString MachineConsole::screenName() const {
    return m_name;
}

void MachineConsole::updateTitle() {
    const QString state = stateText(m_supervisor.status(m_machine).state);
    setWindowTitle(view()->isPointerCaptured()
                       ? tr("%1 [%2] — press %3 to release the mouse — Vivarium")
                             .arg(m_name, state, hostKeyTitle())
                       : tr("%1 [%2] — Vivarium").arg(m_name, state));
}

void MachineConsole::retranslate() {
    ConsoleFrame::retranslate();
    m_machineMenu->setTitle(tr("&Machine"));
    setHostText(m_settings, tr("&Settings…"));
    setHostText(m_log, tr("Show &Log…"));
    setHostText(m_takeSnapshot, tr("&Take Snapshot…"));
    setHostText(m_saveState, tr("Sa&ve State"));
    setHostText(m_pause, tr("&Pause"));
    setHostText(m_reset, tr("&Reset"));
    setHostText(m_shutdown, tr("ACPI Sh&utdown"));
    setHostText(m_powerOff, tr("Po&wer Off"));
    setHostText(m_close, tr("&Close…"));
    m_devicesMenu->setTitle(tr("&Devices"));
    m_drivesMenu->setTitle(tr("&Optical Drives"));
    updateTitle();
}

} // namespace vivarium
