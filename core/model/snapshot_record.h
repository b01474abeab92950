#pragma once

#include "core/model/machine_settings.h"
#include "core/model/snapshot.h"

#include <QJsonObject>
#include <QList>
#include <QString>
#include <QStringList>

#include <optional>

namespace vivarium {

// How a drive is called in snapshots and by its worker: "sata0".
QString driveName(const DriveSettings& drive);

// A guest's memory and devices in files (vmm/snapshot/README.md). Of a snapshot, of a saved
// machine, or of both; the files of older states can be shared.
struct MemoryState {
    // At this length of the list the next state is written in full, so that no list outgrows the 32
    // files that a worker takes.
    static constexpr qsizetype kMaxInheritedFiles = 30;
    QString id; // UUID
    QString statePath, indexPath;
    QStringList files; // in the order of the index: the state's own first
    bool operator==(const MemoryState&) const = default;
};

// A snapshot with everything that restoring it takes.
struct SnapshotRecord {
    struct Disk {
        QString drive; // "sata0" (driveId)
        QString path;  // the layer that was frozen
        bool operator==(const Disk&) const = default;
    };
    Snapshot snapshot;
    MachineSettings settings; // with the frozen layers as the drives' paths
    QList<Disk> disks;        // the writable ones
    std::optional<MemoryState> memory;
};

// What an operation of several steps is about to do: written before its first step and removed by
// its last. The operation lock of `folder` tells whether its owner still lives.
struct Intent {
    enum class Kind { Take, Restore, Save, Merge, Clone, Fork };
    qint64 id = 0;
    MachineId machine;
    QString folder; // the machine's
    Kind kind = Kind::Take;
    // Files and folders that it makes; what no row refers to in the end is deleted.
    QStringList created;
    QJsonObject detail; // of its kind
};

} // namespace vivarium
