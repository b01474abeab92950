#pragma once

#include "core/model/machine_id.h"
#include "core/model/snapshot_id.h"
#include "core/snapshots/snapshot_service.h"
#include "ui/text/error_text.h"

#include <QHash>
#include <QObject>

#include <functional>

namespace vivarium {

class Library;
class NotificationCenter;
class UndoableRemovals;

// What a copy of a machine shall be.
struct CloneRequest {
    enum class Kind { Full, Linked, Fork };
    Kind kind = Kind::Full;
    SnapshotService::Source source;
    QString name;                         // empty: the service finds one
    MacPolicy macPolicy = MacPolicy::New; // forks always get new ones
    int count = 1;                        // forks
};

// What a window does with snapshots: asks the service, shows progress with a cancel button and
// failures in the window's notification center. GUI thread; nothing blocks.
class SnapshotOperations : public QObject {
    Q_OBJECT
public:
    SnapshotOperations(SnapshotService& service, const Library& library,
                       NotificationCenter& notifications, QObject* parent = nullptr);

    // Whether something that was asked for here is under way.
    bool isBusy(const MachineId& machine) const { return m_busy.contains(machine); }

    void take(const MachineId& machine, const QString& name, const QString& description);
    enum class Before { Nothing, TakeSnapshot };
    void restore(const MachineId& machine, const SnapshotId& snapshot, Before before);
    // Can be taken back for some seconds, during which shown() is without it.
    void remove(const MachineId& machine, const SnapshotId& snapshot,
                SnapshotService::Children children);
    // The window ends: nothing can be taken back any more.
    void finishRemovals();
    // A machine's snapshots, and the one that its current state hangs below, without what is about
    // to be removed.
    struct Tree {
        QList<Snapshot> snapshots; // oldest first, parents before their children
        SnapshotId current;        // null: none
    };
    Tree shown(const MachineId& machine) const;
    void describe(const MachineId& machine, const SnapshotId& snapshot, const QString& name,
                  const QString& description);
    void saveState(const MachineId& machine);
    void discardSavedState(const MachineId& machine);
    void clone(const CloneRequest& request);
    void setTemplate(const MachineId& machine, SnapshotService::Template value);
    void setTimeline(const MachineId& machine, const TimelineSettings& settings);

Q_SIGNALS:
    void busyChanged(const vivarium::MachineId& machine);
    void shownChanged(const vivarium::MachineId& machine);
    // New machines are in the library. Forks run.
    void copied(const QList<vivarium::MachineId>& machines);

private:
    void removeNow(const MachineId& machine, const SnapshotId& snapshot,
                   SnapshotService::Children children);
    struct Job {
        MachineId machine;
        Operation operation;
        QString subject;  // of the failure
        QString progress; // what is shown while it is under way
    };
    template <class T>
    void run(const Job& job, const QFuture<Result<T>>& future,
             std::function<void(const Result<T>&)> next = {});
    void setBusy(const MachineId& machine, int change);
    void takeThen(const MachineId& machine, const QString& name, const QString& description,
                  std::function<void()> next);
    QString nameOf(const MachineId& machine) const;
    QString nameOf(const MachineId& machine, const SnapshotId& snapshot) const;

    SnapshotService& m_service;
    const Library& m_library;
    NotificationCenter& m_notifications;
    UndoableRemovals* m_removals;
    QHash<SnapshotId, SnapshotService::Children> m_pendingRemovals;
    QHash<MachineId, int> m_busy;
};

} // namespace vivarium
