#pragma once

#include "core/database/database.h"
#include "core/model/disk_layer.h"
#include "core/model/machine.h"
#include "core/model/snapshot_record.h"

#include <QList>
#include <QStringList>

#include <optional>

namespace vivarium {

// A drive's new top layer; `layer.parent` is the one that is frozen by it.
struct NewTop {
    QString drive; // driveName()
    DiskLayer layer;
};

// The library's rules about snapshots, memory states, copies and intents: every call is one short
// transaction. Blocks; lives on the database thread (LibraryStore). core/snapshots does the steps
// between the calls.
class SnapshotDatabase {
public:
    explicit SnapshotDatabase(Database& database) : m_database(database) {}

    // The machine as it is stored this moment, and what is known of its writable disks' tops.
    // Error: NotFound.
    Result<Machine> machine(const MachineId& id);
    Result<std::optional<DiskLayer>> layer(const QString& path);
    // The disk's chain, base first; empty when it is not known.
    Result<QList<DiskLayer>> chain(const QString& top);
    Result<void> putLayers(const QList<DiskLayer>& layers); // parents first
    // Another machine with a drive that names one of the paths; its name, or empty.
    Result<QString> otherUserOf(const MachineId& machine, const QStringList& paths);
    Result<SnapshotRecord> snapshot(const MachineId& machine, const SnapshotId& id);
    Result<MachineSettings> settings(const SnapshotId& id);
    // The saved machine's, or null.
    Result<std::optional<MemoryState>> savedMemory(const MachineId& machine);

    // --- Intents.
    Result<qint64> beginIntent(const Intent& intent);
    // Its request is about to go to the worker, who may act on it from now on.
    Result<void> markSent(qint64 id);
    Result<void> endIntent(qint64 id);
    Result<QList<Intent>> intents();
    Result<QList<Intent>> intents(const MachineId& machine);
    // Which of the paths no row names: what an undone operation has left.
    Result<QStringList> unreferenced(const QStringList& paths);

    // --- Each ends the intent in the same transaction.
    // The machine's disks get new tops; the old ones belong to nobody but a snapshot.
    Result<void> commitTops(const MachineId& machine, const QList<NewTop>& tops, qint64 intent);
    // Adds a snapshot below the machine's current one, which it becomes. `memory`: a new state, or
    // (Inherited) the saved machine's.
    enum class Memory { None, New, Inherited };
    Result<void> commitTake(SnapshotRecord record, Memory memory, const QList<NewTop>& tops,
                            qint64 intent);
    // The machine becomes what the snapshot says, with `tops` on its layers; `token`: of its saved
    // state if there is one.
    Result<void> commitRestore(const MachineId& machine, const SnapshotId& snapshot,
                               const QList<NewTop>& tops, const QString& generationId,
                               const QString& token, qint64 intent);
    Result<void> commitSave(const MachineId& machine, const MemoryState& memory,
                            const QString& token, const QString& thumbnail, qint64 intent);
    // A machine whose folder and disks are made. Its layers' parents are known.
    // `tops`: of `source`, which goes on writing to its disks.
    Result<void> commitClone(const Machine& machine, const QList<DiskLayer>& layers,
                             const MachineId& source, const QList<NewTop>& tops, qint64 intent);

    // Copies that run already, each with its layers.
    struct Copy {
        Machine machine;
        QList<DiskLayer> layers;
    };
    Result<void> commitFork(const MachineId& machine, const QList<Copy>& copies,
                            const QList<NewTop>& tops, qint64 intent);

    // Refused (WrongState, with names) while another machine needs one of them.
    Result<void> remove(const MachineId& machine, const SnapshotId& snapshot, bool withChildren);
    Result<void> describe(const MachineId& machine, const SnapshotId& snapshot, const QString& name,
                          const QString& description);
    // Forgets the saved state, if it is (still) the one with `token`; empty: whichever.
    Result<void> clearSaved(const MachineId& machine, const QString& token);
    Result<void> setTemplate(const MachineId& machine, bool value);
    Result<void> setTimeline(const MachineId& machine, const TimelineSettings& settings);
    Result<QStringList> dependents(const MachineId& machine);
    Result<QStringList> dependents(const SnapshotId& snapshot);

    // --- Collecting what nobody needs.
    // Forgets the machine's layers that nothing stands on and nobody uses.
    Result<void> dropUnusedLayers(const MachineId& machine);
    // Two of the machine's layers that could be one: the lower is used by nobody but the upper, and
    // no other machine stands on them.
    struct Mergeable {
        DiskLayer lower, upper;
        qsizetype childrenOfUpper = 0;
        QList<DiskLayer> above;      // the upper's only child, if it has just one
        bool upperIsCurrent = false; // a drive's top
    };
    Result<QList<Mergeable>> mergeable(const MachineId& machine);
    // The upper's contents are in the lower now, whose name stays.
    Result<void> commitMergeDown(const Mergeable& pair);
    // The lower's contents are in the upper now, whose name stays.
    Result<void> commitMergeUp(const Mergeable& pair);

    // A machine's snapshots' and saved state's files; and forgets them all. Parts of the
    // transaction that removes the machine.
    Result<QStringList> filesOf(const MachineId& machine);
    Result<void> forgetMachine(const MachineId& machine);

    Result<QStringList> obsoleteFiles();
    Result<void> forgetObsolete(const QStringList& paths);

private:
    Result<void> applyTops(const MachineId& machine, const QList<NewTop>& tops);
    Result<void> insertCopy(const Machine& machine, const QList<DiskLayer>& layers);
    Result<void> dropLayers(const MachineId& machine);
    Result<QStringList> machinesAbove(const SnapshotId& snapshot);

    Database& m_database;
};

} // namespace vivarium
