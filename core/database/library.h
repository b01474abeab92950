#pragma once

#include "core/model/disk_layer.h"
#include "core/model/machine.h"
#include "vmm/base/result.h"

#include <QCollator>
#include <QFuture>
#include <QHash>
#include <QList>
#include <QObject>
#include <QStringList>

#include <memory>
#include <vector>

namespace vivarium {

class LibraryStore;
struct LibraryChange;

// The library of machines: a cached list backed by a SQLite file that several programs use at once.
// Owned and used by one thread (the GUI's or viv's main thread). Reads come from the cache and
// never block; changes run on the database thread and finish through futures; changes made by other
// programs arrive by themselves. Announcements come in pairs around every change of the cache.
class Library : public QObject {
    Q_OBJECT
public:
    // Opens (creating and migrating if needed) the library in `folder`. Machines without a folder
    // of their own get one in `machinesFolder` ("<folder>/machines" when empty). Errors: Corrupt
    // (not a library), Unsupported (written by a newer version), PermissionDenied, NoSpace: nothing
    // is changed then.
    static Result<std::unique_ptr<Library>> open(const QString& folder,
                                                 const QString& machinesFolder = {});
    ~Library() override;

    QString folder() const;
    // In order of display (group, then name, locale-aware); indices are stable between signals.
    const QList<Machine>& machines() const;
    const Machine* find(const MachineId& id) const;
    // A machine's snapshots, oldest first, so that parents come before their children.
    const QList<Snapshot>& snapshots(const MachineId& id) const;
    // By id, by unique name, or by unique prefix of an id of at least 8 characters. Errors:
    // NotFound, InvalidArgument when several match.
    Result<MachineId> resolve(const QString& nameOrId) const;

    // Futures: a continuation on this thread (QFuture::then(context, ...)) finds the cache up to
    // date; a caller that blocks on a future sees the change when it returns to its event loop.

    // Adds a machine: makes its folder and stores it. The name must be unused (AlreadyExists), the
    // settings valid (InvalidArgument), an explicit folder empty or missing. A null id is replaced
    // by a random one, an empty folder by one named like the machine.
    QFuture<Result<MachineId>> add(Machine machine);
    // Replaces settings, group, tags and notes, and logs what changed. Error: WrongState for what
    // cannot change now is the caller's concern; NotFound; AlreadyExists for a name in use.
    QFuture<Result<void>> update(const Machine& machine);
    enum class Files { Keep, Delete };
    // Removes a machine that does not run (WrongState); Delete also removes its folder (only files
    // that the library made there and no other machine uses).
    QFuture<Result<void>> remove(const MachineId& id, Files files);
    QFuture<Result<void>> setLastSeenRunning(const MachineId& id, bool running);

    // A run begins: lastSeenRunning is set and a Started event written.
    QFuture<Result<void>> recordStart(const MachineId& id, const QString& detail);
    // The run that began last is over: `kind` is Stopped, Aborted or Failed. Several programs may
    // notice; the first writes the event (true). Aborted leaves lastSeenRunning set.
    QFuture<Result<bool>> recordEnd(const MachineId& id, MachineEvent::Kind kind,
                                    const QString& detail);
    QFuture<Result<void>> appendEvent(const MachineId& id, MachineEvent::Kind kind,
                                      const QString& detail);
    // Newest last, at most `limit`.
    QFuture<QList<MachineEvent>> events(const MachineId& id, int limit = 500);

    // The layers that disks with these tops consist of, each chain base first, and those that stand
    // right on one of the tops; nothing about a disk that is not known.
    QFuture<Result<QList<DiskLayer>>> layersOf(const QStringList& tops);
    // All layers, by path.
    QFuture<Result<QList<DiskLayer>>> layers();
    QFuture<Result<LayerUsers>> layerUsers(const QString& path);
    // Records what looking into files has told (ChainResolver), parents first.
    QFuture<Result<void>> learnLayers(const QList<DiskLayer>& layers);

    // The database thread, for core/snapshots: operations of several transactions.
    LibraryStore& store();

    QStringList groups() const;
    QStringList tags() const;

Q_SIGNALS:
    void machineAboutToBeAdded(int index);
    void machineAdded(int index);
    void machineAboutToBeRemoved(int index);
    void machineRemoved(int index);
    // The machine at `from` moves before the one at `to` (QAbstractItemModel::beginMoveRows).
    void machineAboutToBeMoved(int from, int to);
    void machineMoved(int from, int to);
    void machineChanged(int index);
    void snapshotsChanged(const vivarium::MachineId& id);
    void eventAppended(const vivarium::MachineEvent& event);

private:
    struct SortKey;
    explicit Library(std::unique_ptr<LibraryStore> store);
    SortKey sortKey(const Machine& machine) const;
    void setInitial(QList<Machine> machines);
    void reindexFrom(int index);
    void apply(const LibraryChange& change);
    void addToCache(const Machine& machine);
    void removeFromCache(const MachineId& id);
    void changeInCache(const Machine& machine);

    QString m_folder;
    QCollator m_collator;
    QList<Machine> m_machines;
    std::vector<SortKey> m_sortKeys; // of m_machines, in the same order
    QHash<MachineId, int> m_indexById;
    QHash<MachineId, QList<Snapshot>> m_trees; // of machines that have (had) any
    std::unique_ptr<LibraryStore> m_store;
};

} // namespace vivarium
