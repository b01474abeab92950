#pragma once

#include "core/database/database.h"
#include "core/database/snapshot_database.h"
#include "core/database/snapshot_rows.h"
#include "core/database/stored_machine.h"
#include "core/model/disk_layer.h"
#include "core/model/machine.h"

#include <QList>
#include <QSet>

#include <memory>

namespace vivarium {

// What happened to the library since somebody last asked.
struct LibraryChange {
    QList<Machine> changed; // new or different
    QList<MachineId> removed;
    snapshot_rows::Trees trees; // whole, of the machines whose snapshots changed
    QList<MachineEvent> events; // oldest first
    bool empty() const {
        return changed.isEmpty() && removed.isEmpty() && trees.isEmpty() && events.isEmpty();
    }
};

// The library's rules over its SQLite file: every call is one short transaction. Blocks; lives on
// the database thread (LibraryStore).
class LibraryDatabase {
public:
    enum class Files { Keep, Delete };

    // Opens "<folder>/library.sqlite"; makes the folder and the file when they are missing,
    // upgrades the file, finishes deletions that a crash interrupted. Errors as Library::open.
    static Result<std::unique_ptr<LibraryDatabase>> open(const QString& folder,
                                                         const QString& machinesFolder);

    Result<MachineId> add(Machine machine);
    Result<void> update(const Machine& machine);
    Result<void> remove(const MachineId& id, Files files);
    Result<void> setLastSeenRunning(const MachineId& id, bool running);
    // A run begins: last seen running, with a Started event.
    Result<void> recordStart(const MachineId& id, const QString& detail);
    // The run that last began is over (Stopped, Aborted or Failed): true for the first program that
    // says so, which writes the event; Aborted leaves lastSeenRunning set.
    Result<bool> recordEnd(const MachineId& id, MachineEvent::Kind kind, const QString& detail);
    Result<void> appendEvent(const MachineId& id, MachineEvent::Kind kind, const QString& detail);
    Result<QList<MachineEvent>> events(const MachineId& id, int limit);

    // The layers that disks with these tops consist of, each chain base first, and those that stand
    // right on one of the tops.
    Result<QList<DiskLayer>> layersOf(const QStringList& tops);
    Result<QList<DiskLayer>> layers();
    Result<LayerUsers> layerUsers(const QString& path);
    // What looking into files has told (layer_rows::learn), parents first.
    Result<void> learnLayers(const QList<DiskLayer>& layers);

    // Error: NotFound.
    Result<StoredMachine> storedMachine(const MachineId& id);
    // The rules about snapshots and copies.
    SnapshotDatabase snapshots() { return SnapshotDatabase(*m_database); }

    // Everything that this or another program changed since the last call; the first call gives all
    // machines and no events.
    Result<LibraryChange> takeChanges();
    // Whether another program has committed since the last call.
    Result<bool> changedByOthers();

    const QString& path() const { return m_database->path(); }

private:
    LibraryDatabase(std::unique_ptr<Database> database, QString machinesFolder)
        : m_database(std::move(database)), m_machinesFolder(std::move(machinesFolder)) {}

    Result<void> checkNameUnused(const Machine& machine);
    Result<Machine> withPresentTops(Machine machine, const Machine& before);
    static Result<void> checkMayChange(const Machine& before, const Machine& after);
    Result<void> checkDrivesAreTops(const Machine& machine);
    Result<void> checkNobodyNeeds(const Machine& machine);
    Result<Machine> require(const MachineId& id);
    Result<bool> folderTaken(const QString& folder);
    Result<void> setRunningFlag(const MachineId& id, bool running);
    Result<void> finishDeletions();

    std::unique_ptr<Database> m_database;
    QString m_machinesFolder;
    QSet<MachineId> m_knownIds;
    qint64 m_knownRevision = 0;
    qint64 m_knownEvent = -1; // -1: nothing read yet
    qint64 m_knownDataVersion = 0;
};

} // namespace vivarium
