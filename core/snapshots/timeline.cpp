#include "core/snapshots/timeline.h"

#include <QSet>

#include <algorithm>

namespace vivarium {

namespace {

constexpr qint64 kMsPerHour = 3'600'000;
constexpr qint64 kMsPerDay = 24 * kMsPerHour;
constexpr qint64 kMsPerMinute = 60'000;

constexpr QStringView kAutomaticPrefix = u"Automatic ";
constexpr QStringView kAutomaticFormat = u"yyyy-MM-dd HH:mm";

} // namespace

QList<SnapshotId> expiredSnapshots(const QList<Snapshot>& snapshots,
                                   const TimelineSettings& settings, const QDateTime& now) {
    QList<Snapshot> automatic;
    for (const Snapshot& snapshot : snapshots)
        if (snapshot.automatic)
            automatic.append(snapshot);
    std::stable_sort(automatic.begin(), automatic.end(), [](const Snapshot& a, const Snapshot& b) {
        return a.createdAt > b.createdAt;
    });
    QList<SnapshotId> expired;
    QSet<qint64> hours;
    QSet<qint64> days;
    for (const Snapshot& snapshot : std::as_const(automatic)) { // newest first
        const qint64 time = snapshot.createdAt.toMSecsSinceEpoch();
        const qint64 age = now.toMSecsSinceEpoch() - time;
        if (age < settings.keepAllHours * kMsPerHour)
            continue;
        if (age < settings.keepHourlyHours * kMsPerHour) {
            if (hours.contains(time / kMsPerHour))
                expired << snapshot.id;
            hours.insert(time / kMsPerHour);
            continue;
        }
        if (age < settings.keepDailyDays * kMsPerDay && !days.contains(time / kMsPerDay)) {
            days.insert(time / kMsPerDay);
            continue;
        }
        expired << snapshot.id;
    }
    return expired;
}

bool isSnapshotDue(const QList<Snapshot>& snapshots, const TimelineSettings& settings,
                   const QDateTime& now) {
    if (!settings.enabled)
        return false;
    for (const Snapshot& snapshot : snapshots)
        if (snapshot.automatic &&
            snapshot.createdAt.msecsTo(now) < settings.intervalMinutes * kMsPerMinute)
            return false;
    return true;
}

QString automaticName(const QDateTime& now) {
    return kAutomaticPrefix.toString() + now.toLocalTime().toString(kAutomaticFormat);
}

QDateTime timeInAutomaticName(const QString& name) {
    if (!name.startsWith(kAutomaticPrefix))
        return {};
    return QDateTime::fromString(QStringView(name).mid(kAutomaticPrefix.size()), kAutomaticFormat);
}

} // namespace vivarium
