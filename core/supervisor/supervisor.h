#pragma once

#include "core/database/library.h"
#include "core/model/machine_id.h"
#include "core/supervisor/machine_status.h"
#include "core/supervisor/worker_connection.h"
#include "core/supervisor/worker_sockets.h"

#include <QFuture>
#include <QObject>
#include <QString>

#include <functional>
#include <memory>

namespace vivarium {

// Starts workers, finds those that run already, and keeps every machine's state true: from the lock
// and the socket, never from the database. Watches $XDG_RUNTIME_DIR/vivarium for workers that other
// programs start. Lives on the library's thread; nothing blocks.
class Supervisor : public QObject {
    Q_OBJECT
public:
    // `workerProgram`: path of vivarium-vmm; empty finds it beside the running program or in
    // libexec. `runtimeFolder`: of the workers' sockets; empty takes ApplicationPaths.
    explicit Supervisor(Library& library, const QString& workerProgram = {},
                        QObject* parent = nullptr, const QString& runtimeFolder = {});
    ~Supervisor() override;

    // Finishes once the state of every machine that had a worker at construction is known (its
    // worker said hello, or is gone). Until then `status` tells what the locks tell.
    QFuture<void> settled() const;
    MachineStatus status(const MachineId& id) const;
    // The connection to a running machine's worker, or null. Owned by the supervisor; gone after
    // `statusChanged` to a state without worker.
    WorkerConnection* connection(const MachineId& id) const;

    // What is to be done before each start (core/snapshots settles interrupted operations); its
    // error is the start's.
    void setBeforeStart(std::function<QFuture<Result<void>>(const MachineId&)> beforeStart);

    // Opens the machine's files, spawns and configures a worker, starts the guest. Finishes when
    // the guest runs. Errors name the file and what to do: Busy (disk in use by machine X, already
    // running), NotFound, PermissionDenied, LimitExceeded (memory), Unavailable (KVM, with remedy).
    // A saved machine goes on from where it was; a template is refused (WrongState). Cancelling the
    // future ends the worker.
    QFuture<Result<void>> start(const MachineId& id);
    QFuture<Result<void>> pause(const MachineId& id);
    QFuture<Result<void>> resume(const MachineId& id);
    QFuture<Result<void>> reset(const MachineId& id);
    QFuture<Result<void>> powerButton(const MachineId& id); // asks the guest
    QFuture<Result<void>> powerOff(const MachineId& id);    // finishes when the worker has gone
    // Changes a drive's medium in the running guest (if it runs) and in the settings. An empty path
    // ejects.
    enum class Eject { Ask, Force };
    QFuture<Result<void>> changeMedium(const MachineId& id, uint32_t port, const QString& path,
                                       Eject mode);

    // Adds a drive (a SATA one while the machine runs: the guest sees it come) or takes the one at
    // bus and port away, in the running guest and in the settings. A disk that is pulled loses what
    // the guest had not written to it. Errors: InvalidArgument (a taken port, a disk that is in the
    // machine already), NotFound, Unsupported (NVMe and virtio disks stay while it runs), Busy (in
    // use by machine X; an operation on the snapshots; the guest has locked the tray), and as
    // start.
    QFuture<Result<void>> attachDrive(const MachineId& id, const DriveSettings& drive);
    QFuture<Result<void>> detachDrive(const MachineId& id, DriveBus bus, uint32_t port, Eject mode);
    // Everything that differs between two lists of drives, one after another: disks that changed
    // are taken out and put in again, optical drives get their media. Stops at the first error.
    QFuture<Result<void>> changeDrives(const MachineId& id, const QList<DriveSettings>& before,
                                       const QList<DriveSettings>& after);
    // Makes a running machine's disk larger; the guest is told where its bus can. Errors:
    // WrongState (not running: core/jobs does it), InvalidArgument (smaller), and as above.
    QFuture<Result<void>> resizeDrive(const MachineId& id, DriveBus bus, uint32_t port,
                                      uint64_t sizeBytes);

    // The address a VNC viewer can use ("127.0.0.1:5900"), empty when there is none.
    QString vncAddress(const MachineId& id) const;
    // Where the workers' sockets are.
    WorkerSockets sockets() const;
    // The machine's log file.
    QString logPath(const MachineId& id) const;

Q_SIGNALS:
    void statusChanged(const vivarium::MachineId& id, const vivarium::MachineStatus& status);

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace vivarium
