#include "core/snapshots/snapshot_service.h"

#include "core/snapshots/operations.h"
#include "core/snapshots/recovery.h"
#include "core/settings/application_paths.h"
#include "core/snapshots/timeline.h"
#include "core/snapshots/timeline_follower.h"
#include "vmm/base/log.h"

#include <QCoreApplication>
#include <QEventLoop>
#include <QSet>
#include <QThreadPool>
#include <QTimer>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kMaxOperations = 16; // they mostly wait for workers and disks
constexpr int kMaxForks = 64;
constexpr int kTimelineLookMs = 10'000;
constexpr int kMinIdPrefix = 8;
constexpr int kEndingLookMs = 10;

class NoProgress : public Progress {
public:
    explicit NoProgress(const std::atomic<bool>& ending) : m_ending(ending) {}
    bool cancelled() const override { return m_ending; }
    void report(qint64, qint64) override {}

private:
    const std::atomic<bool>& m_ending;
};

// Of work that nobody waits for: gives way to any that somebody waits for.
class IdleProgress : public NoProgress {
public:
    IdleProgress(const std::atomic<bool>& ending, const std::atomic<int>& wanted)
        : NoProgress(ending), m_wanted(wanted) {}
    bool cancelled() const override { return m_wanted > 0 || NoProgress::cancelled(); }

private:
    const std::atomic<int>& m_wanted;
};

// Cancelled also when the service ends.
class ServiceProgress : public Progress {
public:
    ServiceProgress(Progress& progress, const std::atomic<bool>& ending)
        : m_progress(progress), m_ending(ending) {}
    bool cancelled() const override { return m_ending || m_progress.cancelled(); }
    void report(qint64 done, qint64 total) override { m_progress.report(done, total); }

private:
    Progress& m_progress;
    const std::atomic<bool>& m_ending;
};

} // namespace

class SnapshotService::Private {
public:
    Private(SnapshotService& owner, Library& opened, Supervisor& workers, const Options& options)
        : q(owner), library(opened),
          supervisor(workers), environment{opened, workers,
                                           options.imageProgram.isEmpty()
                                               ? ImageTool()
                                               : ImageTool(options.imageProgram),
                                           options.beforeStep, owner} {
        pool.setMaxThreadCount(kMaxOperations);
        // A follower finds its machine in the usual library.
        if (opened.folder() == ApplicationPaths::fromEnvironment().library)
            followerProgram = options.followerProgram.isEmpty() ? timeline::followerProgram()
                                                                : options.followerProgram;
    }

    template <class T>
    static QFuture<Result<T>> failed(Error error) {
        QPromise<Result<T>> promise;
        promise.start();
        promise.addResult(Result<T>(std::move(error)));
        promise.finish();
        return promise.future();
    }

    // Runs an operation on a thread of the pool.
    template <class T>
    QFuture<Result<T>> run(const MachineId& machine,
                           std::function<Result<T>(SnapshotOperation&)> function) {
        return runInBackground<T>(
            pool, [this, machine, function = std::move(function)](Progress& given) -> Result<T> {
                ServiceProgress progress(given, ending);
                ++wanted;
                SnapshotOperation operation(environment, machine, progress);
                Result<T> result = function(operation);
                --wanted;
                return result;
            });
    }

    // "NAME Clone", "NAME Clone 2", ... unless a name is given.
    QString cloneName(const MachineId& source, const QString& given) const {
        const Machine* machine = library.find(source);
        if (!given.isEmpty() || !machine)
            return given;
        const QString base = machine->settings.name + u" Clone"_s;
        QString name = base;
        for (int number = 2; nameTaken(name); ++number)
            name = u"%1 %2"_s.arg(base).arg(number);
        return name;
    }
    bool nameTaken(const QString& name) const {
        const QList<Machine>& all = library.machines();
        return std::any_of(all.begin(), all.end(),
                           [&](const Machine& m) { return m.settings.name == name; });
    }

    // Without anybody waiting: what is left from before.
    void tidyUpLater(const MachineId& machine) {
        if (ending)
            return;
        pool.start([this, machine] {
            IdleProgress progress(ending, wanted);
            SnapshotOperation operation(environment, machine, progress);
            if (const auto done = operations::tidyUp(operation);
                !done && done.error().code != ErrorCode::Busy &&
                done.error().code != ErrorCode::Cancelled &&
                done.error().code != ErrorCode::NotFound)
                logWarning("snapshots", done.error().detail);
        });
    }

    void removeObsoleteLater(const MachineId& machine) {
        if (ending)
            return;
        pool.start([this, machine] {
            NoProgress progress(ending);
            const SnapshotOperation operation(environment, machine, progress);
            if (const auto done = operation.removeObsolete(); !done)
                logWarning("snapshots", done.error().detail);
        });
    }

    // Sees to it that the timelines of running machines are followed.
    void lookAtTimelines() {
        for (const Machine& machine : library.machines())
            lookAtTimeline(machine);
    }

    void lookAtTimeline(const Machine& machine) {
        if (!machine.timeline.enabled || ending ||
            supervisor.status(machine.id).state != MachineState::Running)
            return;
        if (followerProgram.isEmpty() || machine.id == followed) {
            follow(machine);
            return;
        }
        pool.start([id = machine.id, folder = machine.folder, program = followerProgram] {
            if (timeline::FollowerLock::isHeld(folder))
                return;
            if (const auto started = timeline::startFollower(program, id); !started)
                logWarning("snapshots", started.error().detail);
        });
    }

    // Takes the automatic snapshot if it is due and removes those that have expired.
    void follow(const Machine& machine) {
        if (following.contains(machine.id))
            return;
        following.insert(machine.id);
        pool.start([this, id = machine.id, settings = machine.timeline,
                    snapshots = library.snapshots(machine.id)] {
            NoProgress progress(ending);
            const QDateTime now = QDateTime::currentDateTimeUtc();
            Result<void> done;
            if (isSnapshotDue(snapshots, settings, now)) {
                SnapshotOperation operation(environment, id, progress);
                if (const auto taken = operations::take(operation, {automaticName(now), {}, true});
                    !taken)
                    done = taken.error();
            }
            for (const SnapshotId& expired : expiredSnapshots(snapshots, settings, now)) {
                if (!done)
                    break;
                SnapshotOperation operation(environment, id, progress);
                done = operations::remove(operation, expired, operations::Children::Keep);
            }
            if (!done && done.error().code != ErrorCode::Busy)
                logWarning("snapshots", done.error().detail);
            QMetaObject::invokeMethod(&q, [this, id] { following.remove(id); });
        });
    }

    // What a program that died has left is settled before the machine runs again.
    QFuture<Result<void>> settle(const MachineId& machine) {
        return run<void>(machine, [](SnapshotOperation& operation) -> Result<void> {
            const auto intents = TRY(operation.database([&operation](SnapshotDatabase& rules) {
                return rules.intents(operation.machineId());
            }));
            if (intents.isEmpty())
                return {};
            const Result<void> begun = operation.begin();
            if (!begun && begun.error().code == ErrorCode::Busy)
                return {}; // somebody works on it; the start sees whether that matters
            return begun;
        });
    }

    Result<void> recover() {
        NoProgress progress(ending);
        SnapshotOperation reader(environment, {}, progress);
        const QList<Intent> intents =
            TRY(reader.database([](SnapshotDatabase& rules) { return rules.intents(); }));
        QSet<MachineId> machines;
        for (const Intent& intent : intents) {
            SnapshotOperation operation(environment, intent.machine, progress);
            if (const auto present = operation.refresh();
                !present && present.error().code == ErrorCode::NotFound) {
                TRY(recovery::settleOrphan(operation, intent));
            } else {
                machines.insert(intent.machine);
            }
        }
        for (const MachineId& machine : machines) {
            SnapshotOperation operation(environment, machine, progress);
            if (const auto done = operation.begin();
                !done && done.error().code != ErrorCode::Busy) // somebody works on it
                logWarning("snapshots", done.error().detail);
        }
        return reader.removeObsolete();
    }

    SnapshotService& q;
    Library& library;
    Supervisor& supervisor;
    SnapshotEnvironment environment;
    std::atomic<bool> ending = false;
    std::atomic<int> wanted = 0; // operations that somebody waits for
    QPromise<void> recovered;
    QTimer timelines;
    QString followerProgram; // empty: here
    MachineId followed;      // by this process
    QSet<MachineId> following;
    QThreadPool pool;
};

SnapshotService::SnapshotService(Library& library, Supervisor& supervisor, QObject* parent)
    : SnapshotService(library, supervisor, Options{}, parent) {}

SnapshotService::SnapshotService(Library& library, Supervisor& supervisor, const Options& options,
                                 QObject* parent)
    : QObject(parent), d(std::make_unique<Private>(*this, library, supervisor, options)) {
    connect(&library, &Library::snapshotsChanged, this, &SnapshotService::changed);
    connect(&library, &Library::machineChanged, this, [this](int index) {
        d->lookAtTimeline(d->library.machines().at(index));
        Q_EMIT
        changed(d->library.machines().at(index).id);
    });
    connect(&supervisor, &Supervisor::statusChanged, this,
            [this](const MachineId& id, const MachineStatus& status) {
                if (status.state == MachineState::Running) {
                    d->removeObsoleteLater(id); // the saved state that it went on from
                    if (const Machine* machine = d->library.find(id))
                        d->lookAtTimeline(*machine);
                }
                // What could not be done while the guest ran.
                if (status.state == MachineState::PoweredOff ||
                    status.state == MachineState::Aborted)
                    if (const Machine* machine = d->library.find(id);
                        machine && !d->library.snapshots(id).isEmpty())
                        d->tidyUpLater(id);
                Q_EMIT
                changed(id);
            });
    supervisor.setBeforeStart([this](const MachineId& id) { return d->settle(id); });
    connect(&d->timelines, &QTimer::timeout, this, [this] { d->lookAtTimelines(); });
    d->timelines.start(kTimelineLookMs);
    d->recovered.start();
    d->pool.start([this] {
        if (const auto done = d->recover(); !done)
            logWarning("snapshots", done.error().detail);
        d->recovered.finish();
    });
}

SnapshotService::~SnapshotService() {
    d->ending = true;
    d->supervisor.setBeforeStart({});
    disconnect(&d->supervisor, nullptr, this, nullptr);
    disconnect(&d->library, nullptr, this, nullptr);
    // Operations undo themselves, for which they need the workers' replies.
    while (!d->pool.waitForDone(kEndingLookMs))
        QCoreApplication::processEvents(QEventLoop::ExcludeUserInputEvents);
}

QFuture<void> SnapshotService::recovered() const {
    return d->recovered.future();
}

// --- What is known ---------------------------------------------------------------------------

QList<Snapshot> SnapshotService::snapshots(const MachineId& machine) const {
    return d->library.snapshots(machine);
}

std::optional<Snapshot> SnapshotService::find(const MachineId& machine,
                                              const SnapshotId& id) const {
    for (const Snapshot& snapshot : d->library.snapshots(machine))
        if (snapshot.id == id)
            return snapshot;
    return std::nullopt;
}

SnapshotId SnapshotService::current(const MachineId& id) const {
    const Machine* machine = d->library.find(id);
    return machine ? machine->currentSnapshot : SnapshotId();
}

bool SnapshotService::currentStateChanged(const MachineId& id) const {
    const Machine* machine = d->library.find(id);
    return machine && (machine->changedSinceSnapshot || machine->currentSnapshot.isNull() ||
                       d->supervisor.connection(id));
}

bool SnapshotService::isSaved(const MachineId& id) const {
    const Machine* machine = d->library.find(id);
    return machine && machine->isSaved();
}

bool SnapshotService::isTemplate(const MachineId& id) const {
    const Machine* machine = d->library.find(id);
    return machine && machine->isTemplate;
}

QString SnapshotService::savedThumbnailPath(const MachineId& id) const {
    const Machine* machine = d->library.find(id);
    return machine ? machine->savedThumbnailPath : QString();
}

QString SnapshotService::defaultName(const MachineId& machine) const {
    const QString prefix = u"Snapshot "_s;
    int highest = 0;
    for (const Snapshot& snapshot : d->library.snapshots(machine))
        if (snapshot.name.startsWith(prefix))
            highest = std::max(highest, QStringView(snapshot.name).mid(prefix.size()).toInt());
    return prefix + QString::number(highest + 1);
}

Result<SnapshotId> SnapshotService::resolve(const MachineId& machine,
                                            const QString& nameOrId) const {
    QList<SnapshotId> named;
    QList<SnapshotId> prefixed;
    for (const Snapshot& snapshot : d->library.snapshots(machine)) {
        if (snapshot.name == nameOrId)
            named << snapshot.id;
        else if (nameOrId.size() >= kMinIdPrefix &&
                 snapshot.id.toString().startsWith(nameOrId, Qt::CaseInsensitive))
            prefixed << snapshot.id;
    }
    const QList<SnapshotId>& matches = named.isEmpty() ? prefixed : named;
    if (matches.size() == 1)
        return matches.first();
    const QString shown = nameOrId.left(80).simplified();
    if (matches.isEmpty())
        return fail(ErrorCode::NotFound,
                    u"There is no snapshot called “%1”."_s.arg(shown).toStdString());
    return fail(ErrorCode::InvalidArgument,
                u"“%1” stands for %2 snapshots; give the id."_s.arg(shown)
                    .arg(matches.size())
                    .toStdString());
}

QFuture<Result<MachineSettings>> SnapshotService::settings(const SnapshotId& snapshot) const {
    return d->library.store().run<Result<MachineSettings>>(
        [snapshot](LibraryDatabase& library) { return library.snapshots().settings(snapshot); });
}

QFuture<Result<QStringList>> SnapshotService::dependents(const MachineId& machine) const {
    return d->library.store().run<Result<QStringList>>(
        [machine](LibraryDatabase& library) { return library.snapshots().dependents(machine); });
}

QFuture<Result<QStringList>> SnapshotService::dependents(const SnapshotId& snapshot) const {
    return d->library.store().run<Result<QStringList>>(
        [snapshot](LibraryDatabase& library) { return library.snapshots().dependents(snapshot); });
}

// --- What is done ----------------------------------------------------------------------------

QFuture<Result<SnapshotId>> SnapshotService::take(const MachineId& machine, const QString& name,
                                                  const QString& description) {
    const operations::NewSnapshot wanted{name.isEmpty() ? defaultName(machine) : name, description,
                                         false};
    return d->run<SnapshotId>(machine, [wanted](SnapshotOperation& operation) {
        return operations::take(operation, wanted);
    });
}

QFuture<Result<void>> SnapshotService::restore(const MachineId& machine,
                                               const SnapshotId& snapshot) {
    return d->run<void>(machine, [snapshot](SnapshotOperation& operation) {
        return operations::restore(operation, snapshot);
    });
}

QFuture<Result<void>> SnapshotService::remove(const MachineId& machine, const SnapshotId& snapshot,
                                              Children children) {
    const auto kind =
        children == Children::Remove ? operations::Children::Remove : operations::Children::Keep;
    return d->run<void>(machine, [snapshot, kind](SnapshotOperation& operation) {
        return operations::remove(operation, snapshot, kind);
    });
}

QFuture<Result<void>> SnapshotService::describe(const MachineId& machine,
                                                const SnapshotId& snapshot, const QString& name,
                                                const QString& description) {
    return d->run<void>(machine, [=](SnapshotOperation& operation) {
        return operations::describe(operation, snapshot, name, description);
    });
}

QFuture<Result<void>> SnapshotService::saveState(const MachineId& machine) {
    return d->run<void>(
        machine, [](SnapshotOperation& operation) { return operations::saveState(operation); });
}

QFuture<Result<void>> SnapshotService::discardSavedState(const MachineId& machine) {
    return d->run<void>(machine, [](SnapshotOperation& operation) {
        return operations::discardSavedState(operation);
    });
}

QFuture<Result<MachineId>> SnapshotService::cloneFull(const Source& source, const QString& name,
                                                      MacPolicy macPolicy) {
    return d->run<MachineId>(
        source.machine,
        [wanted =
             operations::NewClone{source.snapshot, d->cloneName(source.machine, name), macPolicy}](
            SnapshotOperation& operation) { return operations::cloneFull(operation, wanted); });
}

QFuture<Result<MachineId>> SnapshotService::cloneLinked(const Source& source, const QString& name,
                                                        MacPolicy macPolicy) {
    return d->run<MachineId>(
        source.machine,
        [wanted =
             operations::NewClone{source.snapshot, d->cloneName(source.machine, name), macPolicy}](
            SnapshotOperation& operation) { return operations::cloneLinked(operation, wanted); });
}

QFuture<Result<QList<MachineId>>> SnapshotService::fork(const MachineId& machine, int count,
                                                        const QStringList& names) {
    if (count < 1 || count > kMaxForks)
        return d->failed<QList<MachineId>>(
            fail(ErrorCode::InvalidArgument,
                 u"A machine can be forked into 1 to %1 copies, not %2."_s.arg(kMaxForks)
                     .arg(count)
                     .toStdString()));
    QStringList all = names.mid(0, count);
    const Machine* known = d->library.find(machine);
    for (int number = 1; all.size() < count && known; ++number)
        if (const QString name = u"%1 (fork %2)"_s.arg(known->settings.name).arg(number);
            !d->nameTaken(name) && !all.contains(name))
            all << name;
    return d->run<QList<MachineId>>(
        machine, [all](SnapshotOperation& operation) { return operations::fork(operation, all); });
}

QFuture<Result<void>> SnapshotService::setTemplate(const MachineId& machine, Template value) {
    const auto state =
        value == Template::Yes ? operations::TemplateState::Yes : operations::TemplateState::No;
    return d->run<void>(machine, [state](SnapshotOperation& operation) {
        return operations::setTemplate(operation, state);
    });
}

TimelineSettings SnapshotService::timeline(const MachineId& id) const {
    const Machine* machine = d->library.find(id);
    return machine ? machine->timeline : TimelineSettings();
}

QFuture<Result<void>> SnapshotService::setTimeline(const MachineId& machine,
                                                   const TimelineSettings& settings) {
    return d->library.store().run<Result<void>>([=](LibraryDatabase& library) {
        return library.snapshots().setTimeline(machine, settings);
    });
}

void SnapshotService::followTimeline(const MachineId& machine) {
    d->followed = machine;
    d->lookAtTimelines();
}

} // namespace vivarium
