#include "core/snapshots/snapshot_operation.h"

#include "core/snapshots/recovery.h"
#include "core/snapshots/snapshot_files.h"

#include <QThread>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kLookMs = 100; // for the cancellation of what waits for a worker

} // namespace

Result<void> SnapshotOperation::begin() {
    TRY(refresh());
    // What tidies up in the background gives way in a moment.
    constexpr int kTries = 40;
    constexpr unsigned long kPauseMs = 50;
    for (int attempt = 1; !m_lock; ++attempt) {
        auto lock = OperationLock::acquire(m_stored.folder);
        if (lock)
            m_lock = std::move(*lock);
        else if (lock.error().code != ErrorCode::Busy || attempt == kTries ||
                 m_progress.cancelled())
            return lock.error();
        else
            QThread::msleep(kPauseMs);
    }
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
    constexpr int kTries = 40;
    constexpr unsigned long kPauseMs = 25;
    for (int attempt = 1; attempt <= kTries; ++attempt) {
        if (TRY(holdStopped()))
            return true;
        QThread::msleep(kPauseMs);
    }
    return false;
}

Result<bool> SnapshotOperation::holdStopped() {
    if (m_machineLock)
        return true;
    // Without a worker that can be reached, one is just ending, or another program tidies up behind
    // it.
    constexpr int kTries = 40;
    constexpr unsigned long kPauseMs = 25;
    for (int attempt = 1;; ++attempt) {
        auto lock = MachineLock::acquire(m_stored.folder);
        if (lock) {
            m_machineLock = std::move(*lock);
            break;
        }
        if (lock.error().code != ErrorCode::Busy)
            return lock.error();
        if (hasWorker() || attempt == kTries || m_progress.cancelled())
            return false;
        QThread::msleep(kPauseMs);
    }
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
