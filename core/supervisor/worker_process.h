#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QObject>
#include <QString>

#include <memory>

#include <sys/types.h>

class QSocketNotifier;

namespace vivarium {

// A worker that this program started. It has a session of its own and lives on when this object or
// the program goes; while the object lives it notices the end and leaves no zombie. Main thread.
class WorkerProcess : public QObject {
    Q_OBJECT
public:
    // Starts `program` with `control` as its control socket and `log` as its standard error.
    // Errors: NotFound, PermissionDenied, NoSpace (no memory, too many processes).
    static Result<std::unique_ptr<WorkerProcess>>
    spawn(const QString& program, const UniqueFd& control, const UniqueFd& log);
    // "vivarium-vmm" beside the running program or in its libexec folder; the former when it is in
    // neither, for the error message.
    static QString defaultProgram();
    ~WorkerProcess() override;

    pid_t pid() const { return m_pid; }
    bool ended() const { return m_ended; }
    // How it ended, for the end of a sentence ("was killed by signal 9 (Killed)"); empty before.
    QString howItEnded() const { return m_how; }
    // Ends it at once.
    void kill();

Q_SIGNALS:
    void finished();

private:
    WorkerProcess(pid_t pid, UniqueFd handle);
    void reap();

    pid_t m_pid;
    UniqueFd m_handle; // pidfd: cannot mean another process later
    bool m_ended = false;
    bool m_killed = false;
    QString m_how;
    std::unique_ptr<QSocketNotifier> m_notifier;
};

} // namespace vivarium
