#pragma once

#include "core/database/database.h"
#include "core/model/snapshot_record.h"

#include <QHash>
#include <QSet>

// The rows of snapshots and of memory states. Callers bring the transaction.
namespace vivarium::snapshot_rows {

using Trees = QHash<MachineId, QList<Snapshot>>;
// The whole trees of the machines whose tree changed after `revision`, each oldest first; 0 reads
// all that are not empty.
Result<Trees> readTreesChangedSince(Database& database, qint64 revision);
// Error: NotFound.
Result<SnapshotRecord> read(Database& database, const SnapshotId& id);
// The snapshot's parent must exist; its memory state, too.
Result<void> insert(Database& database, const SnapshotRecord& record);
Result<void> describe(Database& database, const Snapshot& snapshot);
// Deletes the row; its children go to its parent, and so does the machine's current state. Its
// picture is obsolete unless a saved state shows it.
Result<void> remove(Database& database, const SnapshotId& id);
// The snapshots below and with `id`.
Result<QSet<SnapshotId>> readSubtree(Database& database, const SnapshotId& id);

Result<std::optional<MemoryState>> readMemory(Database& database, const QString& id);
Result<void> insertMemory(Database& database, const MachineId& machine, const MemoryState& state);
// Forgets the machine's memory states that neither snapshot nor machine has; their files that no
// other state counts are obsolete from now on.
Result<void> collectMemory(Database& database, const MachineId& machine);

// `path` is to be deleted after the transaction.
Result<void> addObsolete(Database& database, const QString& path);

// The machine's tree counts as changed (and the machine).
Result<void> touchTree(Database& database, const MachineId& machine);

// TimelineSettings as the column holds them.
QString timelineText(const TimelineSettings& settings);
TimelineSettings timelineFromText(const QByteArray& text);

} // namespace vivarium::snapshot_rows
