#pragma once

#include "core/database/library.h"
#include "core/model/snapshot.h"
#include "core/supervisor/supervisor.h"

#include <QFuture>
#include <QList>
#include <QObject>
#include <QString>
#include <QStringList>

#include <functional>
#include <memory>
#include <optional>

namespace vivarium {

// Snapshots, saved states, clones and forks of the library's machines. Lives on the library's
// thread; nothing blocks. What it tells comes from a cache that follows changes by other programs;
// what it does runs in the background and finishes through futures.
//
// Every future has a progress (0 to its progressMaximum(), a range of 0 where nothing is known) and
// can be cancelled: a cancelled operation undoes itself and gives Cancelled, unless it was done
// already. Errors are sentences for the user; common to all: NotFound (machine or snapshot is
// gone), Busy (another such operation on the machine is under way, in any program), NoSpace.
class SnapshotService : public QObject {
    Q_OBJECT
public:
    struct Options {
        QString imageProgram; // path of vivarium-image; empty: beside the running program
        // Called before every step that changes a file or the database; for tests of crashes.
        std::function<void()> beforeStep = {};
        // Path of viv, which follows timelines in processes of its own; empty: beside the running
        // program. Without it this process follows them itself.
        QString followerProgram = {};
    };
    // Finishes or undoes what interrupted programs left. Both outlive it.
    SnapshotService(Library& library, Supervisor& supervisor, const Options& options,
                    QObject* parent = nullptr);
    SnapshotService(Library& library, Supervisor& supervisor, QObject* parent = nullptr);
    // Cancels what runs and waits until it is undone.
    ~SnapshotService() override;

    // Finishes when interrupted operations have been completed or undone.
    QFuture<void> recovered() const;

    // --- What is known. ----------------------------------------------------------------------

    // All snapshots of a machine, oldest first; parents come before their children.
    QList<Snapshot> snapshots(const MachineId& machine) const;
    std::optional<Snapshot> find(const MachineId& machine, const SnapshotId& snapshot) const;
    // The snapshot that the current state hangs below; null: none.
    SnapshotId current(const MachineId& machine) const;
    // Whether the current state is not what current() holds: the machine runs, has run since, or
    // its settings were changed.
    bool currentStateChanged(const MachineId& machine) const;
    bool isSaved(const MachineId& machine) const;    // its state is on disk, to be resumed
    bool isTemplate(const MachineId& machine) const; // cannot run; linked clones are made of it
    // A picture of the saved state; empty: none.
    QString savedThumbnailPath(const MachineId& machine) const;
    // "Snapshot N" with the lowest N above every one in use.
    QString defaultName(const MachineId& machine) const;
    // By id, unique name, or unique prefix of an id of at least 8 characters. Errors: NotFound,
    // InvalidArgument when several match.
    Result<SnapshotId> resolve(const MachineId& machine, const QString& nameOrId) const;
    // The machine's settings when the snapshot was taken.
    QFuture<Result<MachineSettings>> settings(const SnapshotId& snapshot) const;
    // Names of the machines that need the machine's, or the snapshot's, layers: linked clones and
    // forks. While there are any, neither can be removed.
    QFuture<Result<QStringList>> dependents(const MachineId& machine) const;
    QFuture<Result<QStringList>> dependents(const SnapshotId& snapshot) const;

    // --- Snapshots. --------------------------------------------------------------------------

    // Of a running or paused machine (which goes on), a powered-off or a saved one. An empty name
    // takes the default one.
    QFuture<Result<SnapshotId>> take(const MachineId& machine, const QString& name,
                                     const QString& description);
    // The machine becomes what it was: its worker is ended without asking the guest, its present
    // state is lost. Then it is saved (the snapshot has memory) or powered off; it is not started.
    QFuture<Result<void>> restore(const MachineId& machine, const SnapshotId& snapshot);
    enum class Children { Keep /* move up to its parent */, Remove };
    // The snapshot is gone at once; the future then merges its layers away, while the guest runs if
    // it does. Cancelling stops the merging, which a later removal (or opening) goes on with.
    QFuture<Result<void>> remove(const MachineId& machine, const SnapshotId& snapshot,
                                 Children children = Children::Keep);
    QFuture<Result<void>> describe(const MachineId& machine, const SnapshotId& snapshot,
                                   const QString& name, const QString& description);

    // --- Saved states. -----------------------------------------------------------------------

    // Stops a running or paused machine with its state on disk; Supervisor::start resumes it.
    QFuture<Result<void>> saveState(const MachineId& machine);
    // Forgets the saved state, as if the power had been cut.
    QFuture<Result<void>> discardSavedState(const MachineId& machine);

    // --- Copies. -----------------------------------------------------------------------------

    // What a copy is made of: a machine's current state (powered off or saved; a copy is powered
    // off), or one of its snapshots (a copy has no memory).
    struct Source {
        MachineId machine;
        SnapshotId snapshot = {}; // null: the current state
    };
    // With disks of its own; an empty name takes "NAME Clone".
    QFuture<Result<MachineId>> cloneFull(const Source& source, const QString& name,
                                         MacPolicy macPolicy = MacPolicy::New);
    // With new layers on the source's; made at once. Of a running machine's current state:
    // WrongState (take a snapshot first).
    QFuture<Result<MachineId>> cloneLinked(const Source& source, const QString& name,
                                           MacPolicy macPolicy = MacPolicy::New);
    // Copies of a running or paused machine that go on from the same instruction, their network
    // cards with new addresses (which a driver reads when it is loaded). `names` may be
    // shorter than `count` (1..64): the others are called "NAME (fork N)".
    QFuture<Result<QList<MachineId>>> fork(const MachineId& machine, int count,
                                           const QStringList& names = {});
    // A template cannot run or be changed; the machine must be powered off (WrongState).
    enum class Template { No, Yes };
    QFuture<Result<void>> setTemplate(const MachineId& machine, Template value);

    // --- Timeline. ---------------------------------------------------------------------------

    TimelineSettings timeline(const MachineId& machine) const;
    // While a machine runs, automatic snapshots are taken and pruned, by a process of its own that
    // ends with the guest (core/snapshots/README.md); every service sees to it that there is one.
    QFuture<Result<void>> setTimeline(const MachineId& machine, const TimelineSettings& settings);
    // This process is the one that does so for the machine (it holds timeline::FollowerLock).
    void followTimeline(const MachineId& machine);

Q_SIGNALS:
    // Snapshots, the current one, saved state, template or timeline differ; also by others' doing.
    void changed(const vivarium::MachineId& machine);

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace vivarium
