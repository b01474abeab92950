#include "ui/new_machine/machine_creation.h"

#include "ui/widgets/future_reply.h"

#include <QDir>

namespace vivarium {

MachineCreation::MachineCreation(Library& library, const NewMachineDraft& draft, QObject* parent)
    : QObject(parent), m_library(library), m_draft(draft) {}

void MachineCreation::start() {
    whenReplied(this, m_library.add(m_draft.toMachine()), [this](const Result<MachineId>& added) {
        if (!added)
            Q_EMIT
        failed(added.error(), QString());
        else if (m_isCancelled) undo(*added, fail(ErrorCode::Cancelled, "cancelled"), QString());
        else if (m_draft.disk == NewMachineDraft::Disk::Create) createDisk(*added);
        else Q_EMIT
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
        Q_EMIT
        failed(fail(ErrorCode::NotFound, "the machine has been removed"), QString());
        return;
    }
    const QString path = QDir(machine->folder).filePath(QStringLiteral("disk.img"));
    m_disk = createRawDisk(path, m_draft.diskBytes, m_draft.allocation);
    auto* watcher = new QFutureWatcher<Result<void>>(this);
    connect(watcher, &QFutureWatcherBase::progressValueChanged, this, &MachineCreation::progress);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher, id, path] {
        watcher->deleteLater();
        const Result<void> created = takeReply(watcher->future());
        if (created)
            attachDisk(id, path);
        else
            undo(id, created.error(), path);
    });
    watcher->setFuture(m_disk);
}

void MachineCreation::attachDisk(const MachineId& id, const QString& path) {
    const Machine* machine = m_library.find(id);
    if (!machine) {
        Q_EMIT
        failed(fail(ErrorCode::NotFound, "the machine has been removed"), QString());
        return;
    }
    Machine changed = *machine;
    changed.settings.drives.prepend({DriveType::HardDisk, 0, path, false});
    whenReplied(this, m_library.update(changed), [this, id, path](const Result<void>& stored) {
        if (stored)
            Q_EMIT
        finished(id);
        else undo(id, stored.error(), path);
    });
}

void MachineCreation::undo(const MachineId& id, const Error& error, const QString& diskPath) {
    whenReplied(this, m_library.remove(id, Library::Files::Delete),
                [this, error, diskPath](const Result<void>&) {
                    Q_EMIT
                    failed(error, diskPath);
                });
}

} // namespace vivarium
