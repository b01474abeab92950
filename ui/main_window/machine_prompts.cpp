#include "ui/main_window/machine_prompts.h"

#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "ui/main_window/machine_operations.h"
#include "ui/widgets/future_reply.h"

#include <QInputDialog>
#include <QMessageBox>
#include <QPushButton>

namespace vivarium {

namespace {
constexpr int kMaxNames = 6;

QMessageBox* makeQuestion(QWidget* window, const QString& title, const QString& text,
                          const QString& information) {
    auto* box = new QMessageBox(QMessageBox::Question, title, text, QMessageBox::Cancel, window);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText);
    box->setInformativeText(information);
    return box;
}

QString shortList(QStringList names) {
    if (names.size() > kMaxNames) {
        names = names.mid(0, kMaxNames - 1);
        names << QStringLiteral("…");
    }
    return names.join(u'\n');
}
} // namespace

MachinePrompts::MachinePrompts(const Library& library, const SnapshotService& snapshots,
                               MachineOperations& operations, QWidget* window)
    : QObject(window), m_library(library), m_snapshots(snapshots), m_operations(operations),
      m_window(window) {}

QString MachinePrompts::namesOf(const QList<MachineId>& machines) const {
    QStringList names;
    for (const MachineId& id : machines)
        if (const Machine* machine = m_library.find(id))
            names << machine->settings.name;
    return shortList(names);
}

void MachinePrompts::remove(const QList<MachineId>& machines) {
    if (machines.isEmpty())
        return;
    QMessageBox* box = makeQuestion(
        m_window, tr("Remove Virtual Machine"),
        tr("Remove %n machine(s) from the list?", nullptr, static_cast<int>(machines.size())) +
            u'\n' + namesOf(machines),
        tr("“Delete all files” also deletes the virtual disks and snapshots in the machine's "
           "folder, except what another machine uses. You can take it back for some seconds; then "
           "the files are gone."));
    QPushButton* deleteFiles =
        box->addButton(tr("&Delete all files"), QMessageBox::DestructiveRole);
    QPushButton* removeOnly = box->addButton(tr("&Remove only"), QMessageBox::AcceptRole);
    deleteFiles->setObjectName(QStringLiteral("deleteAllFiles"));
    removeOnly->setObjectName(QStringLiteral("removeOnly"));
    box->setDefaultButton(QMessageBox::Cancel);
    connect(box, &QMessageBox::buttonClicked, this,
            [this, box, deleteFiles, removeOnly, machines](QAbstractButton*) {
                const QAbstractButton* clicked = box->clickedButton();
                if (clicked == deleteFiles)
                    m_operations.remove(machines, Library::Files::Delete);
                else if (clicked == removeOnly)
                    m_operations.remove(machines, Library::Files::Keep);
            });
    for (const MachineId& id : machines)
        forbidIfNeeded(id, box, deleteFiles);
    box->open();
}

// Files that linked clones stand on stay.
void MachinePrompts::forbidIfNeeded(const MachineId& id, QMessageBox* box,
                                    QPushButton* deleteFiles) {
    whenReplied(box, m_snapshots.dependents(id),
                [this, id, box, deleteFiles](const Result<QStringList>& names) {
                    const Machine* machine = m_library.find(id);
                    if (!names || names->isEmpty() || !machine)
                        return;
                    deleteFiles->setEnabled(false);
                    deleteFiles->setToolTip(tr("Other machines need the files"));
                    box->setInformativeText(
                        tr("The files of “%1” cannot be deleted: the disks of these machines stand "
                           "on them.")
                            .arg(machine->settings.name) +
                        u'\n' + shortList(*names) + u'\n' +
                        tr("Remove those machines first, or give them disks of their own with a "
                           "full clone."));
                });
}

void MachinePrompts::reset(const QList<MachineId>& machines) {
    QMessageBox* box = makeQuestion(m_window, tr("Reset Virtual Machine"),
                                    tr("Reset the selected machines?") + u'\n' + namesOf(machines),
                                    tr("What the guests have not saved is lost."));
    QPushButton* doIt = box->addButton(tr("&Reset"), QMessageBox::AcceptRole);
    connect(doIt, &QPushButton::clicked, this, [this, machines] {
        for (const MachineId& id : machines)
            m_operations.reset(id);
    });
    box->open();
}

void MachinePrompts::powerOff(const QList<MachineId>& machines) {
    QMessageBox* box =
        makeQuestion(m_window, tr("Power Off Virtual Machine"),
                     tr("Power off the selected machines?") + u'\n' + namesOf(machines),
                     tr("What the guests have not saved is lost."));
    QPushButton* doIt = box->addButton(tr("&Power Off"), QMessageBox::AcceptRole);
    doIt->setObjectName(QStringLiteral("powerOff"));
    connect(doIt, &QPushButton::clicked, this, [this, machines] {
        for (const MachineId& id : machines)
            m_operations.powerOff(id);
    });
    box->open();
}

void MachinePrompts::group(const QList<MachineId>& machines) {
    if (machines.isEmpty())
        return;
    const Machine* first = m_library.find(machines.first());
    auto* dialog = new QInputDialog(m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Group"));
    dialog->setLabelText(tr("Name of the group (empty: none; “Work/Servers” is a group in a "
                            "group):"));
    dialog->setComboBoxEditable(true);
    dialog->setComboBoxItems(QStringList{QString()} + m_library.groups());
    dialog->setTextValue(first && !first->group.isEmpty() ? first->group : tr("New group"));
    connect(dialog, &QInputDialog::textValueSelected, this, [this, machines](const QString& text) {
        QStringList path;
        for (const QString& part : text.split(u'/', Qt::SkipEmptyParts))
            if (!part.trimmed().isEmpty())
                path << part.trimmed();
        m_operations.moveToGroup(machines, path.join(u'/'));
    });
    dialog->open();
}

} // namespace vivarium
