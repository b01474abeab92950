#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/operations.h"
#include "core/snapshots/snapshot_files.h"

#include <QUuid>

namespace vivarium::operations {

using namespace Qt::StringLiterals;

namespace {

QString newUuid() {
    return QUuid::createUuid().toString(QUuid::WithoutBraces);
}

} // namespace

Result<void> restore(SnapshotOperation& operation, const SnapshotId& id) {
    TRY(operation.begin());
    if (operation.machine().isTemplate)
        return fail(ErrorCode::WrongState, u"“%1” is a template, which does not change."_s
                                               .arg(operation.machine().settings.name)
                                               .toStdString());
    const SnapshotRecord record = TRY(operation.database(
        [&](SnapshotDatabase& rules) { return rules.snapshot(operation.machineId(), id); }));
    if (!TRY(operation.holdStopped())) {
        TRY(operation.checkCancelled());
        if (const auto off = operation.powerOff();
            !off && off.error().code != ErrorCode::WrongState)
            return off.error();
        if (!TRY(operation.holdAfterEnd()))
            return fail(ErrorCode::Busy, "The machine was started again by another program.");
    }
    const QString folder = operation.machine().folder;
    QList<NewTop> tops;
    for (const SnapshotRecord::Disk& disk : record.disks) {
        const auto layer = TRY(operation.database(
            [&disk](SnapshotDatabase& rules) { return rules.layer(disk.path); }));
        if (!layer)
            return fail(ErrorCode::Corrupt, "The library does not know the snapshot's disks.");
        tops.append({disk.drive,
                     {snapshot_files::newLayer(folder),
                      DiskFormat::Qcow2,
                      layer->path,
                      operation.machineId(),
                      DiskLayer::Owner::Program,
                      layer->sizeBytes,
                      {}}});
    }
    Intent intent;
    intent.kind = Intent::Kind::Restore;
    intent.machine = operation.machineId();
    intent.folder = folder;
    intent.created = pathsOf(tops);
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));
    const auto restoring = [&]() -> Result<void> {
        TRY(makeTops(operation, tops, folder));
        TRY(operation.checkCancelled());
        return operation.database([&](SnapshotDatabase& rules) {
            return rules.commitRestore(operation.machineId(), id, tops, newUuid(), newUuid(),
                                       intent.id);
        });
    };
    if (const Result<void> restored = restoring(); !restored) {
        operation.removeFiles(intent.created);
        TRY(operation.database(
            [&intent](SnapshotDatabase& rules) { return rules.endIntent(intent.id); }));
        return restored.error();
    }
    return operation.removeObsolete();
}

} // namespace vivarium::operations
