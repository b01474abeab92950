#pragma once

#include "core/database/library.h"
#include "ui/new_machine/new_machine_draft.h"
#include "ui/text/error_text.h"

#include <QFuture>
#include <QObject>

namespace vivarium {

// Makes the machine of a draft: looks whether its media are still there, adds it to the library,
// creates its disk, attaches the disk. When the disk fails or is cancelled the machine is removed
// again, so that nothing half-made stays. GUI thread; nothing blocks.
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
    // What failed, and with what: the machine's name, or the path of a disk or image.
    void failed(const vivarium::Error& error, vivarium::Operation operation,
                const QString& subject);

private:
    void checkImage();
    void checkDisk();
    void stateFormat();
    void addMachine();
    void createDisk(const MachineId& id);
    void attachDisk(const MachineId& id);
    void undo(const MachineId& id, const Error& error);
    void endWith(const Error& error, Operation operation, const QString& subject);

    Library& m_library;
    NewMachineDraft m_draft;
    QFuture<Result<void>> m_disk;
    QString m_diskPath; // of the disk that is made
    bool m_isCancelled = false;
};

} // namespace vivarium
