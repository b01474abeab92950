#pragma once

#include "core/model/machine.h"
#include "vmm/base/result.h"

#include <QFuture>
#include <QHash>
#include <QList>
#include <QObject>
#include <QStringList>

#include <memory>
#include <optional>

namespace vivarium {

class LibraryStore;

// The library of machines: a cached list backed by a SQLite file that several programs use at once.
// Owned and used by one thread (the GUI's or viv's main thread). Reads come from the cache and never
// block; changes run on the database thread and finish through futures; changes made by other
// programs arrive by themselves. Announcements come in pairs around every change of the cache.
class Library : public QObject {
    Q_OBJECT
public:
    // Opens (creating and migrating if needed) the library in `folder`. Errors: Corrupt (not a
    // library), Unsupported (written by a newer version), PermissionDenied, NoSpace: nothing is
    // changed then.
    static Result<std::unique_ptr<Library>> open(const QString& folder);
    ~Library() override;

    QString folder() const;
    // In order of display (group, then name, locale-aware); indices are stable between signals.
    const QList<Machine>& machines() const;
    const Machine* find(const MachineId& id) const;
    // By id, by unique name, or by unique prefix of an id of at least 8 characters. Errors: NotFound,
    // InvalidArgument when several match.
    Result<MachineId> resolve(const QString& nameOrId) const;

    // Adds a machine: makes its folder and stores it. The name must be unused (AlreadyExists).
    // A null id is replaced by a random one.
    QFuture<Result<MachineId>> add(Machine machine);
    // Replaces settings, group, tags and notes. Error: WrongState for what cannot change now is the
    // caller's concern; NotFound; AlreadyExists for a name in use.
    QFuture<Result<void>> update(const Machine& machine);
    enum class Files { Keep, Delete };
    // Removes a machine that does not run; Delete also removes its folder (only files that the
    // library made there).
    QFuture<Result<void>> remove(const MachineId& id, Files files);
    QFuture<Result<void>> setLastSeenRunning(const MachineId& id, bool running);

    QFuture<Result<void>> appendEvent(const MachineId& id, MachineEvent::Kind kind, const QString& detail);
    // Newest last, at most `limit`.
    QFuture<QList<MachineEvent>> events(const MachineId& id, int limit = 500);

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
    void eventAppended(const vivarium::MachineEvent& event);

private:
    explicit Library(std::unique_ptr<LibraryStore> store);
    std::unique_ptr<LibraryStore> m_store;
};

} // namespace vivarium
