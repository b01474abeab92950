#pragma once

#include "core/model/snapshot.h"

#include <QDateTime>
#include <QList>

namespace vivarium {

// Which automatic snapshots the rule does not keep at `now`: beyond the first hours the last one of
// each hour stays, then of each day, then none. Those that the user took are never among them.
QList<SnapshotId> expiredSnapshots(const QList<Snapshot>& snapshots,
                                   const TimelineSettings& settings, const QDateTime& now);

// Whether the time for the next automatic one has come.
bool isSnapshotDue(const QList<Snapshot>& snapshots, const TimelineSettings& settings,
                   const QDateTime& now);

} // namespace vivarium
