#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/live_capture.h"
#include "core/snapshots/operations.h"
#include "core/snapshots/recovery.h"
#include "core/snapshots/snapshot_files.h"

#include <QUuid>

namespace vivarium::operations {

using namespace Qt::StringLiterals;

namespace {

SnapshotRecord newRecord(const SnapshotOperation& operation, const NewSnapshot& wanted,
                         const QList<FrozenDisk>& disks) {
    SnapshotRecord record;
    record.snapshot.id = SnapshotId::createRandom();
    record.snapshot.machine = operation.machineId();
    record.snapshot.name = wanted.name;
    record.snapshot.description = wanted.description;
    record.snapshot.automatic = wanted.automatic;
    record.snapshot.createdAt = QDateTime::currentDateTimeUtc();
    record.settings = operation.machine().settings;
    for (const FrozenDisk& disk : disks)
        record.disks.append({driveName(disk.drive), disk.layer.path});
    return record;
}

Result<SnapshotId> takeLive(SnapshotOperation& operation, SnapshotRecord record,
                            const QList<FrozenDisk>& disks) {
    const QString folder = snapshot_files::snapshotFolder(operation.machine(), record.snapshot.id);
    Intent intent;
    intent.kind = Intent::Kind::Take;
    const LiveCapture capture =
        TRY(captureLive(operation, folder, intent, disks, AfterCapture::GoOn));
    record.memory = capture.memory;
    record.snapshot.thumbnailPath = capture.thumbnail;
    TRY(operation.database([&](SnapshotDatabase& rules) {
        return rules.commitTake(record, SnapshotDatabase::Memory::New, capture.tops, intent.id);
    }));
    return record.snapshot.id;
}

// Of a machine that does not run: only the disks get new tops; a saved machine's memory is shared.
Result<SnapshotId> takeStopped(SnapshotOperation& operation, SnapshotRecord record,
                               const QList<FrozenDisk>& disks) {
    const QString folder = operation.machine().folder;
    const bool saved = operation.machine().isSaved();
    if (saved)
        record.snapshot.thumbnailPath = operation.machine().savedThumbnailPath;
    const QList<NewTop> tops = planTops(disks, operation.machineId(), folder);
    Intent intent;
    intent.kind = Intent::Kind::Restore; // nobody but us touches the files: undone by deleting them
    intent.machine = operation.machineId();
    intent.folder = folder;
    intent.created = pathsOf(tops);
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));
    const auto taking = [&]() -> Result<void> {
        TRY(makeTops(operation, tops, folder));
        TRY(operation.checkCancelled());
        return operation.database([&](SnapshotDatabase& rules) {
            return rules.commitTake(record,
                                    saved ? SnapshotDatabase::Memory::Inherited
                                          : SnapshotDatabase::Memory::None,
                                    tops, intent.id);
        });
    };
    if (const Result<void> taken = taking(); !taken) {
        operation.removeFiles(intent.created);
        TRY(operation.database(
            [&intent](SnapshotDatabase& rules) { return rules.endIntent(intent.id); }));
        return taken.error();
    }
    return record.snapshot.id;
}

} // namespace

Result<SnapshotId> take(SnapshotOperation& operation, const NewSnapshot& wanted) {
    TRY(operation.begin());
    Snapshot probe;
    probe.name = wanted.name;
    probe.description = wanted.description;
    if (const auto problems = validate(probe); !problems.isEmpty())
        return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
    if (operation.machine().isTemplate)
        return fail(ErrorCode::WrongState,
                    u"“%1” is a template, which does not change; a snapshot of it is not needed."_s
                        .arg(operation.machine().settings.name)
                        .toStdString());
    const bool stopped = TRY(operation.holdStopped());
    const QList<FrozenDisk> disks = TRY(freezableDisks(operation));
    const SnapshotRecord record = newRecord(operation, wanted, disks);
    auto taken =
        stopped ? takeStopped(operation, record, disks) : takeLive(operation, record, disks);
    if (taken)
        noteFrozen(operation, disks);
    return taken;
}

Result<void> describe(SnapshotOperation& operation, const SnapshotId& id, const QString& name,
                      const QString& description) {
    return operation.database([&](SnapshotDatabase& rules) {
        return rules.describe(operation.machineId(), id, name, description);
    });
}

} // namespace vivarium::operations
