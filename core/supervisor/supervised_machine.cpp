#include "core/supervisor/supervised_machine.h"

#include "core/database/library_store.h"
#include "core/jobs/background.h"
#include "core/jobs/when_done.h"
#include "core/supervisor/worker_log.h"
#include "vmm/base/log.h"

#include <QFileInfo>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kFirstRetryMs = 5;
constexpr int kLastRetryMs = 500;

QFuture<Result<void>> finished(Result<void> result) {
    QPromise<Result<void>> promise;
    promise.start();
    promise.addResult(std::move(result));
    promise.finish();
    return promise.future();
}

StopReason reasonNamed(const QString& name) {
    return control::stopReasonFromName(name.toStdString()).value_or(StopReason::None);
}

QString reasonName(StopReason reason) {
    const std::string_view name = control::stopReasonName(reason);
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

} // namespace

SupervisedMachine::SupervisedMachine(const MachineId& id, const Services& services, QObject* parent)
    : QObject(parent), m_id(id), m_services(services) {
    if (const Machine* known = machine())
        m_folder = known->folder;
    m_retry.setSingleShot(true);
    connect(&m_retry, &QTimer::timeout, this, [this] {
        if (m_phase == Phase::Ending)
            checkEnd();
        else if (m_phase == Phase::Waiting)
            lookForWorker();
    });
}

SupervisedMachine::~SupervisedMachine() {
    disconnect(this, nullptr, nullptr, nullptr);
    m_preparing.waitForFinished(); // it uses the library
    for (QFuture<Result<void>>& opening : m_opening)
        opening.waitForFinished();
    if (m_start)
        finishStart(fail(ErrorCode::Cancelled, "The start was cancelled."));
}

void SupervisedMachine::setPhase(Phase phase) {
    const bool wasSettled = settled();
    m_phase = phase;
    if (wasSettled != settled())
        Q_EMIT
    settledChanged();
}

void SupervisedMachine::setStatus(MachineState state, StopReason reason, const QString& detail) {
    const MachineStatus status{state, reason, detail};
    if (m_status == status)
        return;
    m_status = status;
    Q_EMIT
    statusChanged();
}

Error SupervisedMachine::notRunning() const {
    const Machine* known = machine();
    return fail(ErrorCode::WrongState, u"“%1” is not running; start it first."_s
                                           .arg(known ? known->settings.name : m_id.toString())
                                           .toStdString());
}

// --- Finding a worker ------------------------------------------------------------------------

void SupervisedMachine::lookForWorker() {
    if (m_phase != Phase::Idle && m_phase != Phase::Waiting)
        return;
    if (const Machine* known = machine())
        m_folder = known->folder;
    const auto inspection = MachineLock::inspect(m_folder);
    if (inspection.holder == MachineLock::Holder::Nobody) {
        conclude(inspection.record, {});
        return;
    }
    m_vncAddress = inspection.record.vncAddress;
    attach();
}

void SupervisedMachine::attach() {
    auto socket = m_services.sockets.connect(m_id);
    if (!socket) {
        // Its files are being opened, or its socket is gone: busy either way.
        setStatus(MachineState::Starting, StopReason::None, {});
        m_retry.start(m_phase == Phase::Waiting ? std::min(m_retry.interval() * 2, kLastRetryMs)
                                                : kFirstRetryMs);
        setPhase(Phase::Waiting);
        return;
    }
    adopt(std::make_unique<WorkerConnection>(std::move(*socket)));
    setStatus(MachineState::Starting, StopReason::None, {});
    setPhase(Phase::Attaching);
}

void SupervisedMachine::adopt(std::unique_ptr<WorkerConnection> connection) {
    m_connection = std::move(connection);
    m_exiting.reset();
    m_announced = false;
    WorkerConnection* worker = m_connection.get();
    connect(worker, &WorkerConnection::hello, this, &SupervisedMachine::greet);
    connect(worker, &WorkerConnection::stateChanged, this,
            [this](const control::StateChanged& event) {
                m_announced = true;
                announce(event);
            });
    connect(worker, &WorkerConnection::exiting, this,
            [this](const control::Exiting& event) { m_exiting = event; });
    connect(worker, &WorkerConnection::mediumEjected, this,
            [this](const control::MediumEjected& event) { noteEjection(event.drive); });
    connect(worker, &WorkerConnection::disconnected, this, &SupervisedMachine::connectionLost);
}

void SupervisedMachine::greet(const control::Hello& hello) {
    if (m_phase != Phase::Attaching)
        return;
    if (hello.protocol != control::kProtocolVersion) {
        setStatus(
            MachineState::Running, StopReason::None,
            u"The machine was started by version %1 of Vivarium; use that version to control it."_s
                .arg(QString::fromStdString(hello.version)));
        m_connection.release()->deleteLater();
        setPhase(Phase::Waiting); // until its lock is free
        m_retry.start(kLastRetryMs);
        return;
    }
    // The reply tells why it is paused, which the hello does not.
    whenDone(this, m_connection->send(control::Status{}),
             [this,
              worker = m_connection.get()](const Result<WorkerReply<control::StatusReply>>& reply) {
                 if (!reply || m_phase != Phase::Attaching || worker != m_connection.get())
                     return; // disconnected() follows
                 const control::StatusReply& status = reply->value;
                 setPhase(Phase::Connected);
                 // Its starter may have been killed before it could note this.
                 if (const Machine* known = machine(); known && !known->lastSeenRunning)
                     m_services.library.setLastSeenRunning(m_id, true);
                 // Events are delivered at once, replies a moment later: the event is the newer
                 // word.
                 if (!m_announced)
                     announce({status.state, status.reason, status.detail});
             });
}

void SupervisedMachine::announce(const control::StateChanged& event) {
    MachineState state = event.state;
    // Off is a machine whose worker has gone: until then it is on the way there, or not yet
    // started.
    if (state == MachineState::PoweredOff)
        state = m_status.state == MachineState::Starting ? MachineState::Starting
                                                         : MachineState::Stopping;
    setStatus(state, event.reason, QString::fromStdString(event.detail));
}

// --- Starting --------------------------------------------------------------------------------

QFuture<Result<void>> SupervisedMachine::start() {
    const Machine* known = machine();
    if (!known)
        return finished(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
    if (m_phase == Phase::Waiting)
        lookForWorker(); // who had the machine's lock may be gone by now
    if (m_phase != Phase::Idle)
        return finished(
            fail(ErrorCode::Busy,
                 u"“%1” is running already."_s.arg(known->settings.name).toStdString()));
    m_folder = known->folder;
    m_start = std::make_shared<QPromise<Result<void>>>();
    m_start->start();
    const QFuture<Result<void>> future = m_start->future();
    m_startWatcher = std::make_unique<QFutureWatcher<Result<void>>>();
    connect(m_startWatcher.get(), &QFutureWatcherBase::canceled, this, [this] {
        if (m_launch)
            launchFinished(fail(ErrorCode::Cancelled, "The start was cancelled."));
    });
    m_startWatcher->setFuture(future);
    setPhase(Phase::Preparing);
    setStatus(MachineState::Starting, StopReason::None, {});

    if (m_services.beforeStart)
        whenDone(this, m_services.beforeStart(m_id), [this](const Result<void>& ready) {
            if (ready)
                prepare();
            else
                finishStart(ready.error());
        });
    else
        prepare();
    return future;
}

void SupervisedMachine::prepare() {
    const Machine* known = machine();
    if (!known) {
        finishStart(fail(ErrorCode::NotFound, "The machine is not in the library (any more)."));
        return;
    }
    QList<Machine> others = m_services.library.machines(); // shared, not copied
    others.removeIf([this](const Machine& other) { return other.id == m_id; });
    auto prepared = std::make_shared<Result<PreparedMachine>>(
        fail(ErrorCode::Cancelled, "The start was cancelled."));
    m_preparing = runInBackground<void>([prepared, machine = *known, others,
                                         &library = m_services.library.store(),
                                         sockets = m_services.sockets](Progress&) -> Result<void> {
        *prepared = prepareMachine(machine, others, library, sockets);
        return {};
    });
    whenDone(this, m_preparing,
             [this, prepared](const Result<void>&) { launch(std::move(*prepared)); });
}

void SupervisedMachine::launch(Result<PreparedMachine> prepared) {
    if (!prepared) {
        finishStart(prepared.error());
        return;
    }
    m_startLock = std::move(prepared->lock);
    if (m_start->isCanceled()) {
        finishStart(fail(ErrorCode::Cancelled, "The start was cancelled."));
        return;
    }
    m_vncAddress = prepared->vncAddress;
    m_launch = std::make_unique<WorkerLaunch>();
    connect(m_launch.get(), &WorkerLaunch::finished, this, &SupervisedMachine::launchFinished,
            Qt::QueuedConnection); // destroys the sender
    // Other programs that read this look at the lock, which we have by now. It is written while the
    // worker starts, so that it costs the guest no time.
    m_services.library.recordStart(m_id, {});
    if (!prepared->learned.isEmpty())
        m_services.library.learnLayers(prepared->learned);
    setPhase(Phase::Launching);
    m_resumedToken = prepared->savedToken;
    std::function<Result<void>()> entering;
    if (!m_resumedToken.isEmpty())
        entering = [this] { return m_startLock->recordResume(m_resumedToken); };
    m_launch->begin(m_services.program, std::move(prepared->configuration), prepared->log,
                    std::move(entering));
}

void SupervisedMachine::launchFinished(const Result<void>& result) {
    if (m_phase != Phase::Launching)
        return;
    if (!result) {
        finishStart(result.error());
        return;
    }
    m_startLock->handedOver();
    if (!m_resumedToken.isEmpty()) // the guest has gone on from it
        m_services.library.store().run<Result<void>>(
            [id = m_id, token = m_resumedToken](LibraryDatabase& database) {
                return database.snapshots().clearSaved(id, token);
            });
    const control::StateChanged state = m_launch->announcedState();
    m_process = m_launch->takeProcess();
    connect(m_process.get(), &WorkerProcess::finished, this, [this] {
        if (m_phase == Phase::Ending)
            checkEnd();
    });
    const auto exiting = m_launch->announcedExit();
    adopt(m_launch->takeConnection());
    m_exiting = exiting;
    setPhase(Phase::Connected);
    finishStart({});
    announce(state);
    if (!m_connection->connected())
        connectionLost(); // between the reply and now
}

void SupervisedMachine::finishStart(Result<void> result) {
    m_launch.reset();
    m_startWatcher.reset();
    if (!result && m_startLock)
        m_services.sockets.remove(m_id); // nobody else's while we have the lock
    m_startLock.reset();
    if (!result) {
        m_concluded = MachineLock::inspect(m_folder).record;
        const QString detail = QString::fromStdString(result.error().detail);
        if (m_phase == Phase::Launching)
            m_services.library.recordEnd(m_id, MachineEvent::Kind::Failed, detail);
        else
            m_services.library.appendEvent(m_id, MachineEvent::Kind::Failed, detail);
        setPhase(Phase::Idle);
        setStatus(MachineState::PoweredOff, StopReason::None, detail);
        showWhetherSaved();
    }
    const Promise promise = std::exchange(m_start, nullptr);
    promise->addResult(std::move(result));
    promise->finish();
}

// --- Ending ----------------------------------------------------------------------------------

void SupervisedMachine::connectionLost() {
    m_connection.release()->deleteLater(); // it is the caller
    setPhase(Phase::Ending);
    m_retry.setInterval(kFirstRetryMs);
    checkEnd();
}

void SupervisedMachine::checkEnd() {
    const bool free = MachineLock::inspect(m_folder).holder == MachineLock::Holder::Nobody;
    if (free && (!m_process || m_process->ended())) {
        concludeEnd();
        return;
    }
    if (!free && !m_exiting && m_retry.interval() >= kLastRetryMs) {
        // It lives and has only dropped us, as a worker does with a client that does not read.
        attach();
        return;
    }
    m_retry.start(std::min(m_retry.interval() * 2, kLastRetryMs));
}

void SupervisedMachine::concludeEnd() {
    RunRecord record = MachineLock::inspect(m_folder).record;
    if (record.unfinished() && m_exiting) {
        // It said good-bye to us, so it did not crash; note what it could not write.
        record.exitReason = reasonName(m_exiting->reason);
        if (auto lock = MachineLock::acquire(m_folder))
            static_cast<void>(lock->recordExit(record.exitReason).has_value());
    }
    conclude(record, m_process ? m_process->howItEnded() : QString());
}

void SupervisedMachine::conclude(const RunRecord& record, const QString& howItEnded) {
    m_retry.stop();
    if (m_phase == Phase::Idle && m_concluded == record) {
        showWhetherSaved(); // the rest is known, and perhaps in more detail
        return;
    }
    m_concluded = record;
    m_process.reset();
    m_vncAddress.clear();
    // Only with the lock: somebody may be starting the machine this moment.
    if (const auto lock = MachineLock::acquire(m_folder))
        m_services.sockets.remove(m_id);
    const bool aborted = record.unfinished();
    QString detail;
    if (aborted) {
        detail = howItEnded.isEmpty() ? u"The machine's worker ended unexpectedly."_s
                                      : u"The machine's worker %1."_s.arg(howItEnded);
        if (const QString words = worker_log::lastWords(m_folder); !words.isEmpty())
            detail += u" Its last words:\n"_s + words;
    } else if (m_exiting) {
        detail = QString::fromStdString(m_exiting->detail);
    }
    const Machine* known = machine();
    const bool wasWatched = m_phase == Phase::Ending;
    if (known && (wasWatched || known->lastSeenRunning))
        m_services.library.recordEnd(
            m_id, aborted ? MachineEvent::Kind::Aborted : MachineEvent::Kind::Stopped,
            aborted ? detail : record.exitReason);
    m_exiting.reset();
    setPhase(Phase::Idle);
    setStatus(aborted ? MachineState::Aborted : MachineState::PoweredOff,
              reasonNamed(record.exitReason), detail);
    showWhetherSaved();
    for (const Promise& promise : std::exchange(m_powerOffs, {})) {
        promise->addResult(Result<void>());
        promise->finish();
    }
}

// A state on disk is there whatever became of a run before or a start since, unless the guest went
// on from it.
void SupervisedMachine::showWhetherSaved() {
    const Machine* known = machine();
    const bool saved =
        known && known->isSaved() && !(m_concluded && m_concluded->usedUp(known->savedToken));
    if (saved && m_status.state != MachineState::Saved)
        setStatus(MachineState::Saved, StopReason::None, m_status.detail);
    else if (!saved && m_status.state == MachineState::Saved)
        setStatus(MachineState::PoweredOff, StopReason::None, {});
}

// --- Requests --------------------------------------------------------------------------------

template <class Request>
QFuture<Result<void>> SupervisedMachine::request(const Request& request,
                                                 std::optional<MachineEvent::Kind> event) {
    WorkerConnection* worker = connection();
    if (!worker)
        return finished(notRunning());
    const auto promise = std::make_shared<QPromise<Result<void>>>();
    promise->start();
    whenDone(this, worker->send(request), [this, promise, event](const auto& reply) {
        if (reply && event)
            m_services.library.appendEvent(m_id, *event, {});
        promise->addResult(reply ? Result<void>() : Result<void>(reply.error()));
        promise->finish();
    });
    return promise->future();
}

template QFuture<Result<void>> SupervisedMachine::request(const control::Pause&,
                                                          std::optional<MachineEvent::Kind>);
template QFuture<Result<void>> SupervisedMachine::request(const control::Resume&,
                                                          std::optional<MachineEvent::Kind>);
template QFuture<Result<void>> SupervisedMachine::request(const control::Reset&,
                                                          std::optional<MachineEvent::Kind>);
template QFuture<Result<void>> SupervisedMachine::request(const control::PowerButton&,
                                                          std::optional<MachineEvent::Kind>);

QFuture<Result<void>> SupervisedMachine::powerOff() {
    const Promise promise = std::make_shared<QPromise<Result<void>>>();
    promise->start();
    if (m_phase == Phase::Ending) { // it is on its way
        m_powerOffs.push_back(promise);
        return promise->future();
    }
    WorkerConnection* worker = connection();
    if (!worker)
        return finished(notRunning());
    m_powerOffs.push_back(promise);
    whenDone(this, worker->send(control::PowerOff{}), [this](const auto& reply) {
        if (reply || reply.error().code == ErrorCode::Disconnected)
            return; // finishes with the worker
        for (const Promise& waiting : std::exchange(m_powerOffs, {})) {
            waiting->addResult(Result<void>(reply.error()));
            waiting->finish();
        }
    });
    return promise->future();
}

} // namespace vivarium
