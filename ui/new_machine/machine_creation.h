#pragma once

#include "core/database/library.h"
#include "ui/new_machine/new_machine_draft.h"

#include <QFuture>
#include <QObject>

namespace vivarium {

// Makes the machine of a draft: adds it to the library, creates its disk, attaches the disk. When
// the disk fails or is cancelled the machine is removed again, so that nothing half-made stays.
// GUI thread; nothing blocks.
class MachineCreation : public QObject {
    Q_OBJECT
public:
    MachineCreation(Library& library, const NewMachineDraft& draft, QObject* parent = nullptr);

    void start();
    void cancel();

Q_SIGNALS:
    // 0..1000
    void progress(int permille);
    void finished(const vivarium::MachineId& id);
    // What was being made when it failed: the machine, or the disk with this path.
    void failed(const vivarium::Error& error, const QString& diskPath);

private:
    void createDisk(const MachineId& id);
    void attachDisk(const MachineId& id, const QString& path);
    void undo(const MachineId& id, const Error& error, const QString& diskPath);

    Library& m_library;
    NewMachineDraft m_draft;
    QFuture<Result<void>> m_disk;
    bool m_isCancelled = false;
};

} // namespace vivarium
