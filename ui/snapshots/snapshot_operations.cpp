#include "ui/snapshots/snapshot_operations.h"

#include "core/database/library.h"
#include "ui/snapshots/snapshot_text.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/notification_center.h"
#include "ui/widgets/undoable_removals.h"

#include <QSet>

namespace vivarium {

SnapshotOperations::SnapshotOperations(SnapshotService& service, const Library& library,
                                       NotificationCenter& notifications, QObject* parent)
    : QObject(parent), m_service(service), m_library(library), m_notifications(notifications),
      m_removals(new UndoableRemovals(notifications, this)) {}

QString SnapshotOperations::nameOf(const MachineId& machine) const {
    const Machine* known = m_library.find(machine);
    return known ? known->settings.name : QString();
}

QString SnapshotOperations::nameOf(const MachineId& machine, const SnapshotId& snapshot) const {
    const auto known = m_service.find(machine, snapshot);
    return known ? snapshotNameText(*known) : QString();
}

void SnapshotOperations::setBusy(const MachineId& machine, int change) {
    const int count = m_busy.value(machine) + change;
    if (count > 0)
        m_busy.insert(machine, count);
    else
        m_busy.remove(machine);
    Q_EMIT
    busyChanged(machine);
}

template <class T>
void SnapshotOperations::run(const Job& job, const QFuture<Result<T>>& future,
                             std::function<void(const Result<T>&)> next) {
    setBusy(job.machine, 1);
    const QPointer<Notification> shown = m_notifications.showProgress(
        job.progress, [cancelled = future]() mutable { cancelled.cancel(); });
    auto* watcher = new QFutureWatcher<Result<T>>(this);
    connect(watcher, &QFutureWatcherBase::progressValueChanged, this, [watcher, shown](int done) {
        if (shown)
            shown->setProgress(done, watcher->progressMaximum());
    });
    connect(watcher, &QFutureWatcherBase::finished, this,
            [this, watcher, shown, job, next = std::move(next)] {
                watcher->deleteLater();
                if (shown)
                    shown->dismiss();
                const Result<T> result = takeReply(watcher->future());
                setBusy(job.machine, -1);
                if (!result && result.error().code != ErrorCode::Cancelled)
                    m_notifications.showFailure(
                        describeError(job.operation, job.subject, result.error()));
                if (next)
                    next(result);
            });
    watcher->setFuture(future);
}

void SnapshotOperations::takeThen(const MachineId& machine, const QString& name,
                                  const QString& description, std::function<void()> next) {
    const QString subject = nameOf(machine);
    run<SnapshotId>(
        {machine, Operation::TakeSnapshot, subject, tr("Taking a snapshot of “%1”…").arg(subject)},
        m_service.take(machine, name, description),
        [next = std::move(next)](const Result<SnapshotId>& taken) {
            if (taken && next)
                next();
        });
}

void SnapshotOperations::take(const MachineId& machine, const QString& name,
                              const QString& description) {
    takeThen(machine, name, description, {});
}

void SnapshotOperations::restore(const MachineId& machine, const SnapshotId& snapshot,
                                 Before before) {
    if (before == Before::TakeSnapshot) {
        takeThen(machine, QString(), QString(),
                 [this, machine, snapshot] { restore(machine, snapshot, Before::Nothing); });
        return;
    }
    const QString name = nameOf(machine, snapshot);
    run<void>(
        {machine, Operation::RestoreSnapshot, name, tr("Restoring the snapshot “%1”…").arg(name)},
        m_service.restore(machine, snapshot));
}

void SnapshotOperations::remove(const MachineId& machine, const SnapshotId& snapshot,
                                SnapshotService::Children children) {
    UserMessage message;
    message.title = tr("The snapshot “%1” was deleted.").arg(nameOf(machine, snapshot));
    message.reason = tr("Its disk space is free when this message goes.");
    m_pendingRemovals.insert(snapshot, children);
    m_removals->add(
        message, [this, machine, snapshot, children] { removeNow(machine, snapshot, children); },
        [this, machine, snapshot] {
            m_pendingRemovals.remove(snapshot);
            Q_EMIT
            shownChanged(machine);
        });
    Q_EMIT
    shownChanged(machine);
}

void SnapshotOperations::removeNow(const MachineId& machine, const SnapshotId& snapshot,
                                   SnapshotService::Children children) {
    const QString name = nameOf(machine, snapshot);
    run<void>(
        {machine, Operation::DeleteSnapshot, name, tr("Deleting the snapshot “%1”…").arg(name)},
        m_service.remove(machine, snapshot, children),
        [this, machine, snapshot](const Result<void>&) {
            m_pendingRemovals.remove(snapshot); // gone, or still there
            Q_EMIT
            shownChanged(machine);
        });
}

void SnapshotOperations::finishRemovals() {
    m_removals->carryOutAll();
}

SnapshotOperations::Tree SnapshotOperations::shown(const MachineId& machine) const {
    Tree tree;
    tree.current = m_service.current(machine);
    QSet<SnapshotId> goneWithChildren;
    QHash<SnapshotId, SnapshotId> above; // of what goes: the one that takes its place
    const QList<Snapshot> all = m_service.snapshots(machine);
    for (Snapshot snapshot : all) { // parents come before their children
        const auto pending = m_pendingRemovals.constFind(snapshot.id);
        const bool wholeBranch = goneWithChildren.contains(snapshot.parent) ||
                                 (pending != m_pendingRemovals.constEnd() &&
                                  *pending == SnapshotService::Children::Remove);
        snapshot.parent = above.value(snapshot.parent, snapshot.parent);
        if (wholeBranch)
            goneWithChildren.insert(snapshot.id);
        if (wholeBranch || pending != m_pendingRemovals.constEnd())
            above.insert(snapshot.id, snapshot.parent);
        else
            tree.snapshots.append(snapshot);
    }
    tree.current = above.value(tree.current, tree.current);
    return tree;
}

void SnapshotOperations::setTemplate(const MachineId& machine, SnapshotService::Template value) {
    const QString name = nameOf(machine);
    run<void>({machine, Operation::ChangeTemplate, name, tr("Changing “%1”…").arg(name)},
              m_service.setTemplate(machine, value));
}

void SnapshotOperations::setTimeline(const MachineId& machine, const TimelineSettings& settings) {
    const QString name = nameOf(machine);
    run<void>({machine, Operation::ChangeTimeline, name, tr("Changing “%1”…").arg(name)},
              m_service.setTimeline(machine, settings));
}

void SnapshotOperations::describe(const MachineId& machine, const SnapshotId& snapshot,
                                  const QString& name, const QString& description) {
    const QString oldName = nameOf(machine, snapshot);
    run<void>({machine, Operation::ChangeSnapshot, oldName,
               tr("Changing the snapshot “%1”…").arg(oldName)},
              m_service.describe(machine, snapshot, name, description));
}

void SnapshotOperations::saveState(const MachineId& machine) {
    const QString name = nameOf(machine);
    run<void>({machine, Operation::SaveState, name, tr("Saving the state of “%1”…").arg(name)},
              m_service.saveState(machine));
}

void SnapshotOperations::discardSavedState(const MachineId& machine) {
    const QString name = nameOf(machine);
    run<void>({machine, Operation::DiscardSavedState, name,
               tr("Discarding the saved state of “%1”…").arg(name)},
              m_service.discardSavedState(machine));
}

void SnapshotOperations::clone(const CloneRequest& request) {
    const MachineId machine = request.source.machine;
    const QString name = nameOf(machine);
    if (request.kind == CloneRequest::Kind::Fork) {
        run<QList<MachineId>>(
            {machine, Operation::ForkMachine, name, tr("Forking “%1”…").arg(name)},
            m_service.fork(machine, request.count,
                           request.name.isEmpty() ? QStringList() : QStringList{request.name}),
            [this](const Result<QList<MachineId>>& made) {
                if (made)
                    Q_EMIT
                copied(*made);
            });
        return;
    }
    run<MachineId>({machine, Operation::CloneMachine, name, tr("Cloning “%1”…").arg(name)},
                   request.kind == CloneRequest::Kind::Full
                       ? m_service.cloneFull(request.source, request.name, request.macPolicy)
                       : m_service.cloneLinked(request.source, request.name, request.macPolicy),
                   [this](const Result<MachineId>& made) {
                       if (made)
                           Q_EMIT
                       copied({*made});
                   });
}

} // namespace vivarium
