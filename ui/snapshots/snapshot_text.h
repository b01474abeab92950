#pragma once

#include "core/model/machine_settings.h"
#include "core/model/snapshot.h"

#include <QDateTime>
#include <QString>

#include <functional>

namespace vivarium {

// How long ago a moment is, as people say it ("5 minutes ago"); the date after a week. A moment in
// the future (the clock was set back) is its date.
QString relativeTimeText(const QDateTime& moment, const QDateTime& now);
// Date and time to the second, in the local time zone and the user's notation.
QString exactTimeText(const QDateTime& moment);
// A snapshot's name as a user reads it: that of an automatic one in the user's language.
QString snapshotNameText(const Snapshot& snapshot);
// The hardware that a machine had, in a few lines; `diskName` makes the name of a disk of its path.
QString settingsSummary(const MachineSettings& settings,
                        const std::function<QString(const QString&)>& diskName);

} // namespace vivarium
