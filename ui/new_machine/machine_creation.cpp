#include "ui/new_machine/machine_creation.h"

#include "core/disks/disk_format.h"
#include "core/provision/iso_inspection.h"
#include "ui/new_machine/disk_checks.h"
#include "ui/widgets/background.h"
#include "ui/widgets/future_reply.h"

#include <QDir>

namespace vivarium {

MachineCreation::MachineCreation(Library& library, const NewMachineDraft& draft, QObject* parent)
    : QObject(parent), m_library(library), m_draft(draft) {}

void MachineCreation::start() {
    checkImage();
}

void MachineCreation::checkImage() {
    if (m_draft.isoPath.isEmpty()) {
        checkDisk();
        return;
    }
    whenReplied(this, inspectIso(m_draft.isoPath), [this](const Result<IsoInfo>& image) {
        if (image)
            checkDisk();
        else
            endWith(image.error(), Operation::ReadImage, m_draft.isoPath);
    });
}

void MachineCreation::checkDisk() {
    if (m_draft.disk != NewMachineDraft::Disk::Existing) {
        addMachine();
        return;
    }
    const auto look = [path = m_draft.existingDisk] { return checkExistingDisk(path); };
    whenFinished(this, computeInBackground(look), [this](const QFuture<FieldProblem>& answer) {
        const FieldProblem problem = answer.result();
        if (problem.level == InlineMessage::Level::Error && !problem.text.isEmpty())
            endWith(fail(ErrorCode::NotFound, problem.text.toStdString()), Operation::ReadImage,
                    m_draft.existingDisk);
        else
            stateFormat();
    });
}

void MachineCreation::stateFormat() {
    if (const auto known = formatInUse(m_library.machines(), m_draft.existingDisk)) {
        m_draft.existingFormat = *known;
        addMachine();
        return;
    }
    const auto look = [path = m_draft.existingDisk] { return detectFormat(path); };
    whenFinished(this, computeInBackground(look),
                 [this](const QFuture<Result<DiskFormat>>& answer) {
                     const Result<DiskFormat> format = answer.result();
                     if (!format) {
                         endWith(format.error(), Operation::ReadImage, m_draft.existingDisk);
                         return;
                     }
                     m_draft.existingFormat = *format;
                     addMachine();
                 });
}

void MachineCreation::addMachine() {
    if (m_isCancelled) {
        endWith(fail(ErrorCode::Cancelled, "cancelled"), Operation::CreateMachine, m_draft.name);
        return;
    }
    whenReplied(this, m_library.add(m_draft.toMachine()), [this](const Result<MachineId>& added) {
        if (!added)
            endWith(added.error(), Operation::CreateMachine, m_draft.name);
        else if (m_isCancelled)
            undo(*added, fail(ErrorCode::Cancelled, "cancelled"));
        else if (m_draft.disk == NewMachineDraft::Disk::Create)
            createDisk(*added);
        else
            Q_EMIT
        finished(*added);
    });
}

void MachineCreation::cancel() {
    m_isCancelled = true;
    m_disk.cancel();
}

void MachineCreation::createDisk(const MachineId& id) {
    const Machine* machine = m_library.find(id);
    if (!machine) { // removed by another program in this moment
        endWith(fail(ErrorCode::NotFound, "the machine has been removed"), Operation::CreateMachine,
                m_draft.name);
        return;
    }
    m_diskPath = QDir(machine->folder).filePath(QStringLiteral("disk.img"));
    m_disk = createRawDisk(m_diskPath, m_draft.diskBytes, m_draft.allocation);
    auto* watcher = new QFutureWatcher<Result<void>>(this);
    connect(watcher, &QFutureWatcherBase::progressValueChanged, this, &MachineCreation::progress);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher, id] {
        watcher->deleteLater();
        const Result<void> created = takeReply(watcher->future());
        if (created)
            attachDisk(id);
        else
            undo(id, created.error());
    });
    watcher->setFuture(m_disk);
}

void MachineCreation::attachDisk(const MachineId& id) {
    const Machine* machine = m_library.find(id);
    if (!machine) {
        endWith(fail(ErrorCode::NotFound, "the machine has been removed"), Operation::CreateMachine,
                m_draft.name);
        return;
    }
    Machine changed = *machine;
    changed.settings.drives.prepend({DriveType::HardDisk, 0, m_diskPath, false});
    whenReplied(this, m_library.update(changed), [this, id](const Result<void>& stored) {
        if (stored)
            Q_EMIT
        finished(id);
        else undo(id, stored.error());
    });
}

void MachineCreation::undo(const MachineId& id, const Error& error) {
    whenReplied(this, m_library.remove(id, Library::Files::Delete),
                [this, error](const Result<void>&) {
                    if (m_diskPath.isEmpty())
                        endWith(error, Operation::CreateMachine, m_draft.name);
                    else
                        endWith(error, Operation::CreateDisk, m_diskPath);
                });
}

void MachineCreation::endWith(const Error& error, Operation operation, const QString& subject) {
    Q_EMIT
    failed(error, operation, subject);
}

} // namespace vivarium
