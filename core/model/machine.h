#pragma once

#include "core/model/machine_id.h"
#include "core/model/machine_settings.h"

#include <QDateTime>
#include <QString>
#include <QStringList>

namespace vivarium {

// A machine as the library knows it.
struct Machine {
    MachineId id;
    MachineSettings settings;
    QString group;     // "" = top level; "Work/Servers" = nested
    QStringList tags;
    QString notes;
    QString folder;    // absolute: disks, log, lock
    QDateTime createdAt; // UTC
    bool lastSeenRunning = false; // tells Aborted from PoweredOff when the lock is free
    bool operator==(const Machine&) const = default;
};

// A line of a machine's history.
struct MachineEvent {
    enum class Kind { Created, SettingsChanged, Renamed, Started, Paused, Resumed, Reset, Stopped, Aborted, Failed, Removed };
    qint64 sequence = 0;
    MachineId machine;
    QDateTime time;    // UTC
    Kind kind = Kind::Created;
    QString detail;    // English
};

} // namespace vivarium
