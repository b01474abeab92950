#include "core/snapshots/snapshot_operation.h"

#include "core/database/short_wait.h"
#include "core/snapshots/recovery.h"
#include "core/snapshots/snapshot_files.h"

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr std::chrono::milliseconds kEndPatience(1000); // with a worker that is ending
constexpr int kLookMs = 100; // for the cancellation of what waits for a worker

} // namespace

Result<void> SnapshotOperation::begin() {
    TRY(refresh());
    m_lock =
        TRY(OperationLock::acquireSoon(m_stored.folder, [this] { return m_progress.cancelled(); }));
    TRY(refresh()); // what the last holder did
    TRY(recovery::settleMachine(*this));
    return refresh();
}

Result<void> SnapshotOperation::refresh() {
    m_stored =
        TRY(database([id = m_machine](SnapshotDatabase& rules) { return rules.machine(id); }));
    return {};
}

Result<bool> SnapshotOperation::holdAfterEnd() {
    Result<bool> held = false;
    waitUntil(
        [&] {
            held = holdStopped();
            return !held || *held;
        },
        kEndPatience, [this] { return m_progress.cancelled(); });
    return held;
}

Result<bool> SnapshotOperation::holdStopped() {
    if (m_machineLock)
        return true;
    // Without a worker that can be reached, one is just ending, or another program tidies up behind
    // it.
    Result<MachineLock> lock = fail(ErrorCode::Busy, {});
    waitUntil(
        [&] {
            lock = MachineLock::acquire(m_stored.folder);
            return lock || lock.error().code != ErrorCode::Busy || hasWorker();
        },
        kEndPatience, [this] { return m_progress.cancelled(); });
    if (!lock && lock.error().code == ErrorCode::Busy)
        return false;
    if (!lock)
        return lock.error();
    m_machineLock = std::move(*lock);
    m_record = MachineLock::inspect(m_stored.folder).record;
    TRY(refresh()); // nobody else changes its disks now
    return true;
}

bool SnapshotOperation::hasWorker() const {
    struct Exchange {
        bool answer = false;
        QSemaphore done;
    };
    auto exchange = std::make_shared<Exchange>();
    onLibraryThread([exchange, id = m_machine, &supervisor = m_environment.supervisor] {
        exchange->answer = supervisor.connection(id) != nullptr;
        exchange->done.release();
    });
    exchange->done.acquire();
    return exchange->answer;
}

Result<void> SnapshotOperation::checkCancelled() const {
    if (m_progress.cancelled())
        return fail(ErrorCode::Cancelled, "The operation was cancelled.");
    return {};
}

void SnapshotOperation::wait(QSemaphore& done, const Counters& counters) {
    bool asked = false;
    while (!done.tryAcquire(1, kLookMs)) {
        if (const uint64_t total = counters.totalBytes)
            m_progress.report(static_cast<qint64>(counters.doneBytes), static_cast<qint64>(total));
        if (asked || !m_progress.cancelled())
            continue;
        asked = true;
        onLibraryThread([id = m_machine, &supervisor = m_environment.supervisor] {
            if (WorkerConnection* worker = supervisor.connection(id))
                worker->send(control::CancelJob{});
        });
    }
}

Result<void> SnapshotOperation::powerOff() {
    struct Exchange {
        Result<void> answer;
        QSemaphore done;
    };
    auto exchange = std::make_shared<Exchange>();
    onLibraryThread([exchange, id = m_machine, &environment = m_environment] {
        whenDone(&environment.context, environment.supervisor.powerOff(id),
                 [exchange](const Result<void>& answer) {
                     exchange->answer = answer;
                     exchange->done.release();
                 });
    });
    exchange->done.acquire();
    return exchange->answer;
}

void SnapshotOperation::removeFiles(const QStringList& paths) const {
    for (const QString& path : paths) {
        step();
        snapshot_files::remove(path);
    }
}

Result<void> SnapshotOperation::removeObsolete() const {
    const QStringList paths =
        TRY(database([](SnapshotDatabase& rules) { return rules.obsoleteFiles(); }));
    if (paths.isEmpty())
        return {};
    QStringList gone;
    for (const QString& path : paths) {
        step();
        if (snapshot_files::remove(path))
            gone << path;
    }
    return database([&gone](SnapshotDatabase& rules) { return rules.forgetObsolete(gone); });
}

} // namespace vivarium
