#include "ui/machine_settings/machine_settings_dialog.h"

#include "core/provision/host_checks.h"
#include "ui/machine_settings/display_page.h"
#include "ui/machine_settings/general_page.h"
#include "ui/machine_settings/network_page.h"
#include "ui/machine_settings/serial_ports_page.h"
#include "ui/machine_settings/storage_page.h"
#include "ui/machine_settings/system_page.h"
#include "ui/machine_settings/user_interface_page.h"
#include "ui/new_machine/create_disk_dialog.h"
#include "ui/text/error_text.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/inline_message.h"

#include <QDialogButtonBox>
#include <QPushButton>

#include <algorithm>

namespace vivarium {

using control::MachineState;

namespace {

bool isActive(MachineState state) {
    return state == MachineState::Starting || state == MachineState::Running ||
           state == MachineState::Paused || state == MachineState::Stopping;
}

} // namespace

MachineSettingsDialog::MachineSettingsDialog(Library& library, Supervisor& supervisor,
                                             const CurrentPreferences& preferences,
                                             const MachineId& id, QWidget* parent)
    : SettingsDialogFrame(parent), m_library(library), m_supervisor(supervisor),
      m_preferences(preferences) {
    setAttribute(Qt::WA_DeleteOnClose);
    if (const Machine* machine = library.find(id))
        m_original = *machine;
    setWindowTitle(tr("%1 — Settings").arg(m_original.settings.name));
    addSections();
    for (SettingsPage* page : std::as_const(m_pages))
        page->load(m_original);
    m_isLoaded = true;
    updateLiveness();
    connect(&supervisor, &Supervisor::statusChanged, this, [this](const MachineId& changed) {
        if (changed == m_original.id)
            updateLiveness();
    });
    connect(&library, &Library::machineAboutToBeRemoved, this, [this](int index) {
        if (m_library.machines().at(index).id == m_original.id)
            reject();
    });
}

void MachineSettingsDialog::addSections() {
    addSection(QStringLiteral("section-general"), tr("General"),
               new GeneralPage(m_library.groups(), this));
    const HostResources host = HostResources::read();
    addSection(QStringLiteral("section-system"), tr("System"),
               new SystemPage(static_cast<quint32>(host.memoryBytes >> 20),
                              static_cast<int>(host.cpuCount), this));
    addSection(QStringLiteral("section-display"), tr("Display"), new DisplayPage(this));
    m_storage = new StoragePage(m_library, m_preferences.value(), this);
    connect(m_storage, &StoragePage::diskWanted, this, &MachineSettingsDialog::createDisk);
    addSection(QStringLiteral("section-storage"), tr("Storage"), m_storage);
    addSection(QStringLiteral("section-network"), tr("Network"), new NetworkPage(this));
    addSection(QStringLiteral("section-serial"), tr("Serial Ports"), new SerialPortsPage(this));
    addSection(QStringLiteral("section-user-interface"), tr("User Interface"),
               new UserInterfacePage(this));
}

void MachineSettingsDialog::addSection(const QString& icon, const QString& title,
                                       SettingsPage* page) {
    addPage(icon, title, page);
    m_pages.append(page);
    connect(page, &SettingsPage::changed, this, &MachineSettingsDialog::check);
}

Machine MachineSettingsDialog::edited() const {
    Machine machine = m_original;
    // What changed elsewhere meanwhile and has no page (folder, times) stays as it is now.
    if (const Machine* now = m_library.find(m_original.id))
        machine = *now;
    for (const SettingsPage* page : m_pages)
        page->store(machine);
    return machine;
}

void MachineSettingsDialog::check() {
    if (!m_isLoaded)
        return;
    const Machine machine = edited();
    const QList<SettingsProblem> problems = validate(machine.settings);
    QString problem = problems.isEmpty() ? QString() : problemText(problems.first());
    const auto& machines = m_library.machines();
    if (problem.isEmpty() && std::any_of(machines.begin(), machines.end(), [&](const Machine& m) {
            return m.id != machine.id && m.settings.name == machine.settings.name;
        }))
        problem = tr("There is already a machine with this name.");
    buttons()->button(QDialogButtonBox::Ok)->setEnabled(problem.isEmpty());
    if (!problem.isEmpty())
        message()->show(InlineMessage::Level::Error, problem);
    else if (isActive(m_supervisor.status(m_original.id).state))
        message()->show(InlineMessage::Level::Hint,
                        tr("The machine is running: what is grey can be changed when it is powered "
                           "off."));
    else if (m_original.isTemplate)
        message()->show(InlineMessage::Level::Hint,
                        tr("The machine is a template and stays as it is: what is grey can be "
                           "changed in its clones."));
    else if (m_original.isSaved())
        message()->show(InlineMessage::Level::Hint,
                        tr("The machine's state is saved: what is grey can be changed when it is "
                           "powered off."));
    else
        message()->clear();
}

void MachineSettingsDialog::updateLiveness() {
    const bool active = isActive(m_supervisor.status(m_original.id).state) ||
                        m_original.isTemplate || m_original.isSaved();
    for (SettingsPage* page : std::as_const(m_pages))
        page->setLiveness(active ? SettingsPage::Liveness::Running
                                 : SettingsPage::Liveness::Stopped);
    check();
}

void MachineSettingsDialog::createDisk() {
    auto* dialog = new CreateDiskDialog(m_original.folder, m_original.settings.name, this);
    connect(dialog, &CreateDiskDialog::created, m_storage, &StoragePage::addHardDisk);
    dialog->open();
}

void MachineSettingsDialog::apply() {
    buttons()->setEnabled(false);
    const Machine machine = edited();
    if (isActive(m_supervisor.status(m_original.id).state))
        changeDrives(machine);
    else
        storeRest(machine);
}

void MachineSettingsDialog::changeDrives(const Machine& machine) {
    // What differs from the machine that was shown is what the user wants to change: another
    // program may have changed other drives meanwhile.
    whenReplied(
        this,
        m_supervisor.changeDrives(machine.id, m_original.settings.drives, machine.settings.drives),
        [this, machine](const Result<void>& reply) {
            if (!reply) {
                showFailure(reply.error());
                return;
            }
            Machine rest = machine;
            if (const Machine* stored = m_library.find(machine.id))
                rest.settings.drives = stored->settings.drives;
            storeRest(rest);
        });
}

void MachineSettingsDialog::storeRest(const Machine& machine) {
    const Machine* stored = m_library.find(machine.id);
    if (stored && *stored == machine) {
        accept();
        return;
    }
    whenReplied(this, m_library.update(machine), [this](const Result<void>& reply) {
        if (reply)
            accept();
        else
            showFailure(reply.error());
    });
}

void MachineSettingsDialog::showFailure(const Error& error) {
    buttons()->setEnabled(true);
    const UserMessage text =
        describeError(Operation::SaveSettings, m_original.settings.name, error);
    message()->show(InlineMessage::Level::Error,
                    text.detail.isEmpty() ? text.title + u' ' + text.body()
                                          : text.title + u' ' + text.body() + u'\n' + text.detail);
}

} // namespace vivarium
