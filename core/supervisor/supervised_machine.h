#pragma once

#include "core/database/library.h"
#include "core/supervisor/machine_preparation.h"
#include "core/supervisor/machine_status.h"
#include "core/supervisor/worker_connection.h"
#include "core/supervisor/worker_launch.h"
#include "core/supervisor/worker_process.h"
#include "core/supervisor/worker_sockets.h"

#include <QFuture>
#include <QObject>
#include <QPromise>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium {

// The truth about one machine: its lock, its worker's connection, and the way between "no worker"
// and "connected" in both directions. Owned by the Supervisor, on its thread.
class SupervisedMachine : public QObject {
    Q_OBJECT
public:
    // What all machines share; outlives them.
    struct Services {
        Library& library;
        WorkerSockets sockets;
        QString program;
        // Before each start; empty: nothing.
        std::function<QFuture<Result<void>>(const MachineId&)> beforeStart = {};
    };
    SupervisedMachine(const MachineId& id, const Services& services, QObject* parent);
    ~SupervisedMachine() override;

    const MachineStatus& status() const { return m_status; }
    WorkerConnection* connection() const {
        return m_phase == Phase::Connected ? m_connection.get() : nullptr;
    }
    // Whether the state is known: false while a worker was found that has not said hello yet.
    bool settled() const { return m_phase != Phase::Attaching; }
    QString vncAddress() const { return m_vncAddress; }

    // Looks at the lock and connects to a worker that somebody else started. No effect while a
    // worker is known.
    void lookForWorker();

    QFuture<Result<void>> start();
    QFuture<Result<void>> powerOff();
    // A request without a reply of interest; `event` is logged after success.
    template <class Request>
    QFuture<Result<void>> request(const Request& request,
                                  std::optional<MachineEvent::Kind> event = {});
    QFuture<Result<void>> changeMedium(const DriveSettings& drive, bool force);
    // As the Supervisor's (supervised_machine_drives.cpp).
    QFuture<Result<void>> attachDrive(const DriveSettings& drive);
    QFuture<Result<void>> detachDrive(const DriveSettings& drive, bool force);
    QFuture<Result<void>> resizeDrive(const DriveSettings& drive, uint64_t sizeBytes);

Q_SIGNALS:
    void statusChanged();
    void settledChanged();

private:
    enum class Phase {
        Idle,      // no worker
        Preparing, // opening files
        Launching, // our worker is being configured
        Attaching, // somebody's worker: connected, waiting for its hello
        Waiting,   // somebody's worker that cannot be reached yet
        Connected,
        Ending, // the connection is gone, the lock not yet free
    };
    using Promise = std::shared_ptr<QPromise<Result<void>>>;

    const Machine* machine() const { return m_services.library.find(m_id); }
    Error notRunning() const;
    void setPhase(Phase phase);
    void setStatus(MachineState state, StopReason reason, const QString& detail);

    void prepare();
    void showWhetherSaved();
    void launch(Result<PreparedMachine> prepared);
    void launchFinished(const Result<void>& result);
    void finishStart(Result<void> result);
    void attach();
    void adopt(std::unique_ptr<WorkerConnection> connection);
    void greet(const control::Hello& hello);
    void announce(const control::StateChanged& event);
    void connectionLost();
    void checkEnd();
    void concludeEnd();
    void conclude(const RunRecord& record, const QString& howItEnded);
    // What a change needs: the drive's files opened for the worker, nothing, or a worker at all.
    enum class Files { Open, Leave, OnlyRunning };
    // Behind the operation lock: the worker (if it runs) is told, then the settings are stored.
    QFuture<Result<void>> changeDrive(
        const DriveSettings& drive,
        const std::function<Result<MachineSettings>(MachineSettings)>& newSettings,
        const std::function<QFuture<Result<void>>(WorkerConnection&, PreparedDrive)>& tellWorker,
        Files files);
    void noteEjection(const std::string& driveId);

    const MachineId m_id;
    const Services& m_services;
    Phase m_phase = Phase::Idle;
    MachineStatus m_status;
    QString m_vncAddress;
    QString m_folder; // outlives the library's entry

    Promise m_start;
    std::unique_ptr<QFutureWatcher<Result<void>>> m_startWatcher; // for its cancellation
    QFuture<Result<void>> m_preparing;
    QList<QFuture<Result<void>>> m_opening; // drives' files; they use the library, too
    std::optional<MachineLock> m_startLock;
    QString m_resumedToken; // of the saved state that the start goes on from
    std::unique_ptr<WorkerLaunch> m_launch;

    std::unique_ptr<WorkerConnection> m_connection;
    bool m_announced = false;                 // the connection has told a state since it was made
    std::unique_ptr<WorkerProcess> m_process; // when it is our child
    std::optional<control::Exiting> m_exiting;
    std::optional<RunRecord> m_concluded; // what m_status tells in Phase::Idle
    std::vector<Promise> m_powerOffs;
    QTimer m_retry; // looking again at the lock
};

} // namespace vivarium
