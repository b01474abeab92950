#pragma once

#include "core/database/snapshot_database.h"
#include "core/snapshots/snapshot_operation.h"

#include <QJsonArray>

namespace vivarium {

// The writable disks of a machine, whose present tops an operation freezes.
struct FrozenDisk {
    DriveSettings drive;
    DiskLayer layer; // the present top, known to the library
};

// Makes sure that the library knows the layers. Errors: WrongState (a disk of two machines),
// LimitExceeded (its chain is as long as it may be), and what looking into a file says.
Result<QList<FrozenDisk>> freezableDisks(SnapshotOperation& operation);

// After they were frozen: what the user's own files among them look like now, so that a change of
// them is noticed.
void noteFrozen(SnapshotOperation& operation, const QList<FrozenDisk>& disks);

// A new top for each disk, as rows; no file is made. `machine`: whose folder they lie in.
QList<NewTop> planTops(const QList<FrozenDisk>& disks, const MachineId& machine,
                       const QString& folder);
QStringList pathsOf(const QList<NewTop>& tops);
// Makes the files, each an empty qcow2 image on the layer below it.
Result<void> makeTops(SnapshotOperation& operation, const QList<NewTop>& tops,
                      const QString& folder);

// New tops as an intent holds them, and the reverse; `machine`: in whose folder they lie.
QJsonArray topsToJson(const QList<NewTop>& tops);
QList<NewTop> topsFromJson(const QJsonArray& list, const MachineId& machine);

control::DiskFormat controlFormat(DiskFormat format);
// The chain as ImageTool takes it.
QList<DiskFile> diskFiles(const QList<DiskLayer>& chain);

} // namespace vivarium
