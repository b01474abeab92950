#pragma once

#include "core/model/snapshot.h"
#include "core/snapshots/snapshot_operation.h"

#include <QStringList>

// The operations of SnapshotService, on a thread of its pool. Each begins the SnapshotOperation.
namespace vivarium::operations {

struct NewSnapshot {
    QString name; // not empty
    QString description;
    bool automatic = false;
};
Result<SnapshotId> take(SnapshotOperation& operation, const NewSnapshot& wanted);
Result<void> restore(SnapshotOperation& operation, const SnapshotId& id);
enum class Children { Keep, Remove };
Result<void> remove(SnapshotOperation& operation, const SnapshotId& id, Children children);
Result<void> describe(SnapshotOperation& operation, const SnapshotId& id, const QString& name,
                      const QString& description);

Result<void> saveState(SnapshotOperation& operation);
Result<void> discardSavedState(SnapshotOperation& operation);

// Copies of the current state (null snapshot) or of a snapshot.
struct NewClone {
    SnapshotId snapshot;
    QString name; // not empty
    MacPolicy macPolicy = MacPolicy::New;
};
Result<MachineId> cloneFull(SnapshotOperation& operation, const NewClone& wanted);
Result<MachineId> cloneLinked(SnapshotOperation& operation, const NewClone& wanted);
// Running copies with these names of a running machine.
Result<QList<MachineId>> fork(SnapshotOperation& operation, const QStringList& names);
enum class TemplateState { No, Yes };
Result<void> setTemplate(SnapshotOperation& operation, TemplateState state);

// Merges the machine's layers that could be one, live where the guest runs, and deletes files that
// nobody needs. The operation has begun. Cancelled: what is left is for the next time.
Result<void> collect(SnapshotOperation& operation);
// The same as an operation of its own.
Result<void> tidyUp(SnapshotOperation& operation);

} // namespace vivarium::operations
