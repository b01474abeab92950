#pragma once

#include "core/model/machine_id.h"
#include "core/model/machine_settings.h"
#include "core/model/snapshot_id.h"

#include <QDateTime>
#include <QString>

namespace vivarium {

// A moment of a machine that can be returned to, as the library lists it.
struct Snapshot {
    static constexpr int kMaxNameLength = 255;             // UTF-8 bytes
    static constexpr int kMaxDescriptionLength = 64 << 10; // UTF-8 bytes

    SnapshotId id;
    MachineId machine;
    SnapshotId parent; // null: the tree's (or one of its) first
    QString name;
    QString description;
    QDateTime createdAt; // UTC
    // The guest's memory and devices are part of it: it runs on from that moment. Otherwise the
    // machine was powered off.
    bool hasMemory = false;
    bool automatic = false; // taken by the timeline, which also removes it
    QString thumbnailPath;  // absolute, PNG of at most 320 x 320; empty: none
    bool operator==(const Snapshot&) const = default;
};

// When automatic snapshots are taken and how long they are kept: all of the newest, then the last
// one of each hour, then of each day, then none.
struct TimelineSettings {
    static constexpr int kMinIntervalMinutes = 1, kMaxIntervalMinutes = 24 * 60;
    static constexpr int kMaxKeep = 10'000; // hours or days
    bool enabled = false;
    int intervalMinutes = 15;
    int keepAllHours = 1;
    int keepHourlyHours = 24; // counted from now, so 0 keeps none hourly
    int keepDailyDays = 7;
    bool operator==(const TimelineSettings&) const = default;
};

// Checks name and description of a snapshot that is made or changed.
QList<SettingsProblem> validate(const Snapshot& snapshot);
QList<SettingsProblem> validate(const TimelineSettings& settings);

} // namespace vivarium
