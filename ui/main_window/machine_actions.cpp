#include "ui/main_window/machine_actions.h"

#include "ui/widgets/icons.h"

#include <QAction>
#include <QWidget>

#include <algorithm>

namespace vivarium {

using control::MachineState;

MachineActions::MachineActions(QWidget* window) : QObject(window) {
    const auto make = [this, window](const char16_t* icon, const QKeySequence& shortcut = {}) {
        auto* action = new QAction(this);
        if (icon)
            action->setIcon(applicationIcon(QString::fromUtf16(icon)));
        action->setShortcut(shortcut);
        window->addAction(action);
        return action;
    };
    newMachine = make(u"machine-new", Qt::CTRL | Qt::Key_N);
    add = make(u"machine-add", Qt::CTRL | Qt::Key_A);
    settings = make(u"machine-settings", Qt::CTRL | Qt::Key_S);
    rename = make(u"machine-rename", Qt::Key_F2);
    remove = make(u"machine-remove", Qt::CTRL | Qt::Key_R);
    group = make(u"group", Qt::CTRL | Qt::Key_U);
    clone = make(u"machine-clone", Qt::CTRL | Qt::Key_O);
    useAsTemplate = make(u"template");
    useAsTemplate->setCheckable(true);
    start = make(u"machine-start");
    startNormal = make(u"machine-start");
    startHeadless = make(u"state-running");
    pause = make(u"machine-pause", Qt::CTRL | Qt::Key_P);
    pause->setCheckable(true);
    reset = make(u"machine-reset", Qt::CTRL | Qt::Key_T);
    shutDown = make(u"machine-shutdown", Qt::CTRL | Qt::Key_H);
    saveState = make(u"state-saved", Qt::CTRL | Qt::Key_V);
    powerOff = make(u"machine-power-off");
    discardSavedState = make(u"machine-remove", Qt::CTRL | Qt::Key_J);
    showSnapshots = make(u"snapshot");
    showLog = make(u"log", Qt::CTRL | Qt::Key_L);
    showFolder = make(u"folder-open");
    search = make(u"search", Qt::CTRL | Qt::Key_F);
    preferences = make(u"preferences", Qt::CTRL | Qt::Key_G);
    preferences->setMenuRole(QAction::PreferencesRole);
    diskManager = make(u"hard-disk", Qt::CTRL | Qt::Key_D);
    connectRemote = make(u"section-remote");
    quit = make(u"close", Qt::CTRL | Qt::Key_Q);
    quit->setMenuRole(QAction::QuitRole);
    about = make(u"vivarium");
    about->setMenuRole(QAction::AboutRole);
    retranslate();
}

void MachineActions::update(const Selection& selection, const Supervisor& supervisor,
                            const Library& library) {
    const QList<MachineId>& ids = selection.machines;
    QList<MachineState> states;
    for (const MachineId& id : ids)
        states << supervisor.status(id).state;
    const auto count = [&states](auto... wanted) {
        return std::count_if(states.begin(), states.end(),
                             [&](MachineState state) { return ((state == wanted) || ...); });
    };
    const auto all = static_cast<qsizetype>(states.size());
    const auto templates = std::count_if(ids.begin(), ids.end(), [&library](const MachineId& id) {
        const Machine* machine = library.find(id);
        return machine && machine->isTemplate;
    });
    const auto stopped =
        count(MachineState::PoweredOff, MachineState::Aborted, MachineState::Saved);
    const auto saved = count(MachineState::Saved);
    const auto running = count(MachineState::Running);
    const auto paused = count(MachineState::Paused);
    const auto active = running + paused + count(MachineState::Stopping);
    const bool single = all == 1;

    settings->setEnabled(single);
    rename->setEnabled(single || !selection.group.isEmpty());
    remove->setEnabled(all > 0 && stopped == all);
    useAsTemplate->setEnabled(single && (templates == 1 || stopped - saved == 1));
    useAsTemplate->setChecked(single && templates == 1);
    group->setEnabled(all > 0);
    const auto stoppedMeans =
        saved > 0 && saved == stopped ? StartMeans::Resume : StartMeans::Start;
    m_start = all > 0 && stopped == 0 && active > 0 ? StartMeans::Show : stoppedMeans;
    start->setEnabled(stopped > templates || startShows());
    startNormal->setEnabled(stopped > templates);
    startHeadless->setEnabled(stopped > templates);
    pause->setEnabled(running + paused > 0);
    pause->setChecked(paused > 0 && running == 0);
    reset->setEnabled(running + paused > 0);
    shutDown->setEnabled(running > 0 || count(MachineState::Stopping) > 0);
    saveState->setEnabled(running + paused > 0);
    powerOff->setEnabled(active > 0);
    discardSavedState->setEnabled(saved > 0);
    clone->setEnabled(single);
    showSnapshots->setEnabled(single);
    showLog->setEnabled(single);
    showFolder->setEnabled(single);
    describeStart();
}

void MachineActions::describeStart() {
    switch (m_start) {
    case StartMeans::Start:
        start->setIcon(applicationIcon(QStringLiteral("machine-start")));
        start->setText(tr("St&art"));
        start->setToolTip(tr("Starts the selected machine"));
        break;
    case StartMeans::Resume:
        start->setIcon(applicationIcon(QStringLiteral("machine-start")));
        start->setText(tr("Res&ume"));
        start->setToolTip(tr("Lets the selected machine go on from its saved state"));
        break;
    case StartMeans::Show:
        start->setIcon(applicationIcon(QStringLiteral("machine-show")));
        start->setText(tr("S&how"));
        start->setToolTip(tr("Shows the screen of the selected machine"));
        break;
    }
}

void MachineActions::retranslate() {
    const auto text = [](QAction* action, const QString& name, const QString& toolTip) {
        action->setText(name);
        const QString keys = action->shortcut().toString(QKeySequence::NativeText);
        action->setToolTip(keys.isEmpty() ? toolTip : toolTip + QStringLiteral(" (%1)").arg(keys));
    };
    text(newMachine, tr("&New…"), tr("Creates a new virtual machine"));
    newMachine->setIconText(tr("New"));
    text(add, tr("A&dd…"), tr("Adds a machine from a disk, an image or exported settings"));
    add->setIconText(tr("Add"));
    text(settings, tr("&Settings…"), tr("Shows the settings of the selected machine"));
    settings->setIconText(tr("Settings"));
    text(rename, tr("Rena&me"), tr("Gives the machine or the group another name"));
    text(remove, tr("&Remove…"), tr("Removes the selected machines"));
    text(group, tr("Gro&up…"), tr("Puts the selected machines into a group"));
    describeStart();
    text(startNormal, tr("&Normal Start"), tr("Starts the machine and shows its screen"));
    text(startHeadless, tr("&Headless Start"), tr("Starts the machine in the background"));
    text(pause, tr("&Pause"), tr("Suspends the execution of the selected machine"));
    pause->setIconText(tr("Pause"));
    text(reset, tr("Rese&t"), tr("Restarts the machine as its reset button would"));
    text(shutDown, tr("ACPI Sh&utdown"), tr("Sends the shutdown signal to the machine"));
    text(saveState, tr("&Save State"), tr("Stops the machine with its state on disk"));
    text(powerOff, tr("Po&wer Off"), tr("Cuts the power of the machine"));
    text(discardSavedState, tr("D&iscard Saved State…"),
         tr("Forgets the saved state, as if the power had been cut"));
    text(clone, tr("Clon&e…"), tr("Makes a copy of the selected machine"));
    text(useAsTemplate, tr("Use as Template"),
         tr("Keeps the machine as it is: it cannot run, and linked clones are made of it"));
    text(showSnapshots, tr("Snaps&hots"), tr("Shows the snapshots of the selected machine"));
    text(showLog, tr("Show &Log"), tr("Shows the log of the selected machine"));
    text(showFolder, tr("Show in &File Manager"), tr("Opens the folder of the machine"));
    text(search, tr("Sear&ch"), tr("Finds machines by name, tag or note"));
    text(preferences, tr("&Preferences…"), tr("Shows the settings of the application"));
    text(diskManager, tr("&Virtual Disk Manager…"), tr("Shows all disks and what uses them"));
    text(connectRemote, tr("&Connect to Remote Screen…"), tr("Shows a screen that VNC serves"));
    text(quit, tr("&Quit"), tr("Closes the application; running machines go on"));
    text(about, tr("&About Vivarium"), tr("Shows version and licence"));
}

} // namespace vivarium
