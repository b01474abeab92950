#include "core/supervisor/supervisor.h"

#include "core/jobs/when_done.h"
#include "core/settings/application_paths.h"
#include "core/supervisor/supervised_machine.h"
#include "core/supervisor/worker_log.h"
#include "vmm/base/log.h"

#include <QFileSystemWatcher>
#include <QHash>
#include <QPromise>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

DriveSettings driveAt(DriveBus bus, uint32_t port) {
    DriveSettings drive;
    drive.bus = bus;
    drive.port = port;
    return drive;
}

QFuture<Result<void>> failed(Error error) {
    QPromise<Result<void>> promise;
    promise.start();
    promise.addResult(Result<void>(std::move(error)));
    promise.finish();
    return promise.future();
}

QString runtimeFolderOr(const QString& folder) {
    return folder.isEmpty() ? ApplicationPaths::fromEnvironment().runtime : folder;
}

} // namespace

class Supervisor::Private {
public:
    Private(Supervisor& owner, Library& library, const QString& program,
            const QString& runtimeFolder)
        : q(owner), m_services{library, WorkerSockets(runtimeFolderOr(runtimeFolder)),
                               program.isEmpty() ? WorkerProcess::defaultProgram() : program} {
        m_settled.start();
        if (const auto prepared = m_services.sockets.prepareFolder(); !prepared)
            logWarning("supervisor", prepared.error().detail); // each start says it again
        m_watcher.addPath(m_services.sockets.folder());
        connect(&m_watcher, &QFileSystemWatcher::directoryChanged, &q,
                [this] { lookForWorkers(); });
        connect(&library, &Library::machineAdded, &q, [this](int index) { lookAt(index); });
        connect(&library, &Library::machineChanged, &q, [this](int index) { lookAt(index); });
        connect(&library, &Library::machineAboutToBeRemoved, &q, [this](int index) {
            if (const auto found = m_machines.constFind(m_services.library.machines().at(index).id);
                found != m_machines.constEnd()) {
                (*found)->deleteLater();
                m_machines.erase(found);
            }
        });
        lookForWorkers();
        for (const Machine& machine : library.machines())
            if (machine.lastSeenRunning)
                entry(machine.id).lookForWorker();
        m_started = true;
        checkSettled();
    }

    SupervisedMachine* find(const MachineId& id) const { return m_machines.value(id); }

    SupervisedMachine& entry(const MachineId& id) {
        if (SupervisedMachine* found = find(id))
            return *found;
        auto* machine = new SupervisedMachine(id, m_services, &q);
        m_machines.insert(id, machine);
        connect(machine, &SupervisedMachine::statusChanged, &q, [this, id, machine] {
            Q_EMIT
            q.statusChanged(id, machine->status());
        });
        connect(machine, &SupervisedMachine::settledChanged, &q, [this] { checkSettled(); });
        return *machine;
    }

    template <class Request>
    QFuture<Result<void>> request(const MachineId& id,
                                  std::optional<MachineEvent::Kind> event = {}) {
        if (!m_services.library.find(id))
            return failed(
                fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
        return entry(id).request(Request{}, event);
    }

    Library& library() const { return m_services.library; }
    void setBeforeStart(std::function<QFuture<Result<void>>(const MachineId&)> beforeStart) {
        m_services.beforeStart = std::move(beforeStart);
    }
    QFuture<void> settled() const { return m_settled.future(); }
    const WorkerSockets& sockets() const { return m_services.sockets; }

private:
    void lookForWorkers() {
        for (const MachineId& id : m_services.sockets.present())
            if (m_services.library.find(id))
                entry(id).lookForWorker();
    }

    void lookAt(int index) {
        const Machine& machine = m_services.library.machines().at(index);
        if (machine.lastSeenRunning || machine.isSaved() || find(machine.id))
            entry(machine.id).lookForWorker();
    }

    void checkSettled() {
        if (!m_started || m_settled.future().isFinished())
            return;
        for (const SupervisedMachine* machine : std::as_const(m_machines))
            if (!machine->settled())
                return;
        m_settled.finish();
    }

    Supervisor& q;
    SupervisedMachine::Services m_services;
    QHash<MachineId, SupervisedMachine*> m_machines; // children of q
    QFileSystemWatcher m_watcher;
    bool m_started = false;
    mutable QPromise<void> m_settled;
};

Supervisor::Supervisor(Library& library, const QString& workerProgram, QObject* parent,
                       const QString& runtimeFolder)
    : QObject(parent), d(std::make_unique<Private>(*this, library, workerProgram, runtimeFolder)) {}

Supervisor::~Supervisor() {
    qDeleteAll(findChildren<SupervisedMachine*>(Qt::FindDirectChildrenOnly)); // while `d` lives
}

QFuture<void> Supervisor::settled() const {
    return d->settled();
}

MachineStatus Supervisor::status(const MachineId& id) const {
    const SupervisedMachine* machine = d->find(id);
    if (machine)
        return machine->status();
    const Machine* known = d->library().find(id);
    return {known && known->isSaved() ? MachineState::Saved : MachineState::PoweredOff,
            StopReason::None,
            {}};
}

WorkerConnection* Supervisor::connection(const MachineId& id) const {
    const SupervisedMachine* machine = d->find(id);
    return machine ? machine->connection() : nullptr;
}

void Supervisor::setBeforeStart(
    std::function<QFuture<Result<void>>(const MachineId&)> beforeStart) {
    d->setBeforeStart(std::move(beforeStart));
}

QFuture<Result<void>> Supervisor::start(const MachineId& id) {
    if (!d->library().find(id))
        return failed(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    return d->entry(id).start();
}

QFuture<Result<void>> Supervisor::pause(const MachineId& id) {
    return d->request<control::Pause>(id, MachineEvent::Kind::Paused);
}

QFuture<Result<void>> Supervisor::resume(const MachineId& id) {
    return d->request<control::Resume>(id, MachineEvent::Kind::Resumed);
}

QFuture<Result<void>> Supervisor::reset(const MachineId& id) {
    return d->request<control::Reset>(id, MachineEvent::Kind::Reset);
}

QFuture<Result<void>> Supervisor::powerButton(const MachineId& id) {
    return d->request<control::PowerButton>(id);
}

QFuture<Result<void>> Supervisor::powerOff(const MachineId& id) {
    if (!d->library().find(id))
        return failed(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    return d->entry(id).powerOff();
}

QFuture<Result<void>> Supervisor::changeMedium(const MachineId& id, uint32_t port,
                                               const QString& path, Eject mode) {
    const Machine* machine = d->library().find(id);
    if (!machine)
        return failed(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    for (DriveSettings drive : machine->settings.drives) {
        if (drive.port != port || drive.type != DriveType::Optical)
            continue;
        drive.path = path;
        return d->entry(id).changeMedium(drive, mode == Eject::Force);
    }
    return failed(fail(ErrorCode::NotFound,
                       u"“%1” has no optical drive on SATA port %2."_s.arg(machine->settings.name)
                           .arg(port)
                           .toStdString()));
}

QFuture<Result<void>> Supervisor::attachDrive(const MachineId& id, const DriveSettings& drive) {
    if (!d->library().find(id))
        return failed(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    return d->entry(id).attachDrive(drive);
}

QFuture<Result<void>> Supervisor::detachDrive(const MachineId& id, DriveBus bus, uint32_t port,
                                              Eject mode) {
    if (!d->library().find(id))
        return failed(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    return d->entry(id).detachDrive(driveAt(bus, port), mode == Eject::Force);
}

QFuture<Result<void>> Supervisor::resizeDrive(const MachineId& id, DriveBus bus, uint32_t port,
                                              uint64_t sizeBytes) {
    if (!d->library().find(id))
        return failed(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    return d->entry(id).resizeDrive(driveAt(bus, port), sizeBytes);
}

QFuture<Result<void>> Supervisor::changeDrives(const MachineId& id,
                                               const QList<DriveSettings>& before,
                                               const QList<DriveSettings>& after) {
    using Step = std::function<QFuture<Result<void>>()>;
    const auto at = [](const QList<DriveSettings>& drives, const DriveSettings& place) {
        return std::find_if(drives.begin(), drives.end(), [&place](const DriveSettings& drive) {
            return drive.bus == place.bus && drive.port == place.port;
        });
    };
    // A medium is changed in its drive; everything else takes the drive out.
    const auto sameDrive = [](DriveSettings a, const DriveSettings& b) {
        if (a.type == DriveType::Optical)
            a.path = b.path;
        return a == b;
    };
    auto steps = std::make_shared<QList<Step>>();
    for (const DriveSettings& old : before)
        if (const auto now = at(after, old); now == after.end() || !sameDrive(old, *now))
            steps->append([=, this] { return detachDrive(id, old.bus, old.port, Eject::Ask); });
    for (const DriveSettings& drive : after) {
        const auto old = at(before, drive);
        if (old == before.end() || !sameDrive(*old, drive))
            steps->append([=, this] { return attachDrive(id, drive); });
        else if (old->path != drive.path)
            steps->append(
                [=, this] { return changeMedium(id, drive.port, drive.path, Eject::Ask); });
    }
    const auto promise = std::make_shared<QPromise<Result<void>>>();
    promise->start();
    const auto next = std::make_shared<std::function<void()>>();
    *next = [this, steps, promise, weak = std::weak_ptr(next)] {
        if (steps->isEmpty()) {
            promise->addResult(Result<void>());
            promise->finish();
            return;
        }
        whenDone(this, steps->takeFirst()(),
                 [promise, next = weak.lock()](const Result<void>& done) {
                     if (done) {
                         (*next)();
                     } else {
                         promise->addResult(done);
                         promise->finish();
                     }
                 });
    };
    (*next)();
    return promise->future();
}

QString Supervisor::vncAddress(const MachineId& id) const {
    const SupervisedMachine* machine = d->find(id);
    return machine ? machine->vncAddress() : QString();
}

WorkerSockets Supervisor::sockets() const {
    return d->sockets();
}

QString Supervisor::logPath(const MachineId& id) const {
    const Machine* machine = d->library().find(id);
    return machine ? worker_log::path(machine->folder) : QString();
}

} // namespace vivarium
