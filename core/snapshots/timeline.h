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

// The name of an automatic snapshot as it is stored, the same in every language; and the local time
// in such a name, not valid for any other. Who shows it says it in the user's language.
QString automaticName(const QDateTime& now);
QDateTime timeInAutomaticName(const QString& name);

} // namespace vivarium
