#pragma once

#include "core/model/machine_id.h"
#include "core/model/machine_settings.h"
#include "core/model/snapshot.h"

#include <QDateTime>
#include <QString>
#include <QStringList>
#include <QStringView>

#include <optional>

namespace vivarium {

// A machine as the library knows it.
struct Machine {
    MachineId id;
    MachineSettings settings;
    QString group; // "" = top level; "Work/Servers" = nested
    QStringList tags;
    QString notes;
    QString folder;               // absolute: disks, log, lock
    QDateTime createdAt;          // UTC
    bool lastSeenRunning = false; // tells Aborted from PoweredOff when the lock is free

    // Set through core/snapshots only.
    SnapshotId currentSnapshot; // that the present state hangs below; null: none
    bool changedSinceSnapshot = false;
    QString savedToken; // of the saved state that it goes on from; empty: none
    QString savedThumbnailPath;
    bool isTemplate = false; // cannot run
    QString generationId;    // UUID, new whenever its past was cut or copied; or empty
    TimelineSettings timeline;
    bool isSaved() const { return !savedToken.isEmpty(); }

    bool operator==(const Machine&) const = default;
};

// validate(settings) and the library's own fields: group ("a/b", no empty part), tags (no commas or
// line breaks, each once), notes (at most 64 KiB).
QList<SettingsProblem> validate(const Machine& machine);

// A line of a machine's history.
struct MachineEvent {
    enum class Kind {
        Created,
        SettingsChanged,
        Renamed,
        Started,
        Paused,
        Resumed,
        Reset,
        Stopped,
        Aborted,
        Failed,
        Removed,
        SnapshotTaken, // by the user: the timeline's would push out all others
        SnapshotRestored,
        SnapshotDeleted
    };
    qint64 sequence = 0;
    MachineId machine;
    QDateTime time; // UTC
    Kind kind = Kind::Created;
    QString detail; // English
};

// Stable lower-case name of an event's kind ("settings-changed"), and the reverse.
QString eventKindName(MachineEvent::Kind kind);
std::optional<MachineEvent::Kind> eventKindNamed(QStringView name);

} // namespace vivarium
