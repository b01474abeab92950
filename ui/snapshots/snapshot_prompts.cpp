#include "ui/snapshots/snapshot_prompts.h"

#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "ui/snapshots/clone_dialog.h"
#include "ui/snapshots/snapshot_operations.h"
#include "ui/snapshots/snapshot_text.h"
#include "ui/snapshots/take_snapshot_dialog.h"
#include "ui/snapshots/timeline_dialog.h"
#include "ui/widgets/future_reply.h"

#include <QCheckBox>
#include <QMessageBox>
#include <QPushButton>

#include <algorithm>

namespace vivarium {

namespace {

constexpr qsizetype kMaxNames = 8;

QMessageBox* makeQuestion(QWidget* window, const QString& title, const QString& text,
                          const QString& information) {
    auto* box = new QMessageBox(QMessageBox::Question, title, text, QMessageBox::Cancel, window);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText);
    box->setInformativeText(information);
    return box;
}

} // namespace

SnapshotPrompts::SnapshotPrompts(SnapshotService& service, const Library& library,
                                 const Supervisor& supervisor, GuestDisplays& displays,
                                 SnapshotOperations& operations, QWidget* window)
    : QObject(window), m_service(service), m_library(library), m_supervisor(supervisor),
      m_displays(displays), m_operations(operations), m_window(window) {}

void SnapshotPrompts::take(const MachineId& machine) {
    auto* dialog = new TakeSnapshotDialog(m_service, m_displays, machine, m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog, machine] {
        m_operations.take(machine, dialog->name(), dialog->description());
    });
    dialog->open();
}

void SnapshotPrompts::restore(const MachineId& machine, const SnapshotId& id) {
    const std::optional<Snapshot> snapshot = m_service.find(machine, id);
    if (!snapshot)
        return;
    const bool changed = m_service.currentStateChanged(machine);
    QMessageBox* box = makeQuestion(
        m_window, tr("Restore Snapshot"),
        tr("Restore the snapshot “%1”?").arg(snapshotNameText(*snapshot)),
        changed ? tr("The machine becomes what it was at that moment. Its present state is lost "
                     "unless a snapshot of it is taken first; a running guest is stopped.")
                : tr("The machine becomes what it was at that moment. Its present state is that "
                     "of the snapshot it hangs below, so nothing is lost."));
    auto* first = new QCheckBox(tr("&Create a snapshot of the current machine state first"), box);
    first->setChecked(changed);
    box->setCheckBox(first);
    const QPushButton* doIt = box->addButton(tr("&Restore"), QMessageBox::AcceptRole);
    connect(doIt, &QPushButton::clicked, this, [this, first, machine, id] {
        m_operations.restore(machine, id,
                             first->isChecked() ? SnapshotOperations::Before::TakeSnapshot
                                                : SnapshotOperations::Before::Nothing);
    });
    box->open();
}

void SnapshotPrompts::refuse(const QString& title, const QString& text, const QStringList& machines,
                             const QString& advice) {
    QStringList names = machines.mid(0, kMaxNames);
    if (machines.size() > kMaxNames)
        names << QStringLiteral("…");
    auto* box = new QMessageBox(QMessageBox::Information, title, text, QMessageBox::Ok, m_window);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText);
    box->setInformativeText(tr("The disks of these machines stand on it:") + u'\n' +
                            names.join(u'\n') + QStringLiteral("\n\n") + advice);
    box->open();
}

void SnapshotPrompts::remove(const MachineId& machine, const SnapshotId& id) {
    whenReplied(this, m_service.dependents(id), [this, machine, id](const auto& names) {
        const std::optional<Snapshot> snapshot = m_service.find(machine, id);
        if (names && !names->isEmpty() && snapshot)
            refuse(tr("Delete Snapshot"),
                   tr("The snapshot “%1” cannot be deleted.").arg(snapshotNameText(*snapshot)),
                   *names,
                   tr("Remove those machines first, or give them disks of their own with a full "
                      "clone."));
        else
            askToRemove(machine, id);
    });
}

void SnapshotPrompts::timeline(const MachineId& machine) {
    const Machine* known = m_library.find(machine);
    if (!known)
        return;
    auto* dialog = new TimelineDialog(known->settings.name, m_service.timeline(machine), m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog, machine] {
        if (dialog->settings() != m_service.timeline(machine))
            m_operations.setTimeline(machine, dialog->settings());
    });
    dialog->open();
}

void SnapshotPrompts::toggleTemplate(const MachineId& machine) {
    const Machine* known = m_library.find(machine);
    if (!known)
        return;
    if (!known->isTemplate) {
        m_operations.setTemplate(machine, SnapshotService::Template::Yes);
        return;
    }
    whenReplied(this, m_service.dependents(machine),
                [this, machine, name = known->settings.name](const auto& names) {
                    if (names && !names->isEmpty())
                        refuse(tr("Use as Template"), tr("“%1” has to stay a template.").arg(name),
                               *names, tr("Remove those machines first."));
                    else
                        m_operations.setTemplate(machine, SnapshotService::Template::No);
                });
}

void SnapshotPrompts::askToRemove(const MachineId& machine, const SnapshotId& id) {
    const std::optional<Snapshot> snapshot = m_service.find(machine, id);
    if (!snapshot)
        return;
    const QList<Snapshot> all = m_service.snapshots(machine);
    const bool hasChildren = std::any_of(all.begin(), all.end(),
                                         [&id](const Snapshot& one) { return one.parent == id; });
    QMessageBox* box = makeQuestion(
        m_window, tr("Delete Snapshot"),
        tr("Delete the snapshot “%1”?").arg(snapshotNameText(*snapshot)),
        tr("You can take that back for some seconds; then there is no way back to this moment. The "
           "current state and all other snapshots stay as they are."));
    QCheckBox* below = nullptr;
    if (hasChildren) {
        below = new QCheckBox(tr("Also delete the snapshots &below it"), box);
        box->setCheckBox(below);
    }
    const QPushButton* doIt = box->addButton(tr("&Delete"), QMessageBox::AcceptRole);
    box->setDefaultButton(QMessageBox::Cancel);
    connect(doIt, &QPushButton::clicked, this, [this, below, machine, id] {
        m_operations.remove(machine, id,
                            below && below->isChecked() ? SnapshotService::Children::Remove
                                                        : SnapshotService::Children::Keep);
    });
    box->open();
}

void SnapshotPrompts::discardSavedState(const QList<MachineId>& machines) {
    QStringList names;
    for (const MachineId& id : machines)
        if (const Machine* machine = m_library.find(id))
            names << machine->settings.name;
    if (names.isEmpty())
        return;
    QMessageBox* box = makeQuestion(
        m_window, tr("Discard Saved State"),
        tr("Discard the saved state of the selected machines?") + u'\n' + names.join(u'\n'),
        tr("That is like cutting the power of a running computer: what the guests "
           "have not saved is lost."));
    const QPushButton* doIt = box->addButton(tr("&Discard"), QMessageBox::AcceptRole);
    box->setDefaultButton(QMessageBox::Cancel);
    connect(doIt, &QPushButton::clicked, this, [this, machines] {
        for (const MachineId& id : machines)
            m_operations.discardSavedState(id);
    });
    box->open();
}

void SnapshotPrompts::clone(const MachineId& machine, const SnapshotId& snapshot) {
    if (!m_library.find(machine))
        return;
    auto* dialog = new CloneDialog(m_service, m_library, m_supervisor, machine, snapshot, m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this,
            [this, dialog] { m_operations.clone(dialog->request()); });
    dialog->open();
}

} // namespace vivarium
