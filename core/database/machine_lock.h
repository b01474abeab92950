#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

namespace vivarium {

// The run record of a machine: what its lock file says about the present or the last run. The
// supervisor writes the beginning, the worker appends the end.
struct RunRecord {
    bool started = false; // a worker was given the machine
    QString exitReason;   // as the worker named it; empty: it never said good-bye
    QString vncAddress;   // where it serves VNC; empty: nowhere
    // The saved state (Machine::savedToken) that the guest was about to go on from: with a run that
    // has not failed to start, it is used up.
    QString resumedToken;
    bool usedUp(const QString& token) const {
        return !token.isEmpty() && resumedToken == token && exitReason != u"failed";
    }
    // Ended without saying good-bye, if the lock is free.
    bool unfinished() const { return started && exitReason.isEmpty(); }
    bool operator==(const RunRecord&) const = default;
};

// The open-file-description lock on "<folder>/lock": whoever holds it owns the machine. It passes
// to the worker with its descriptor and ends when the last copy is closed, however that happens.
class MachineLock {
public:
    // Takes the lock; the last run's record stays. Errors: Busy when the machine runs (or is being
    // removed), else what opening the file said.
    static Result<MachineLock> acquire(const QString& folder);

    enum class Holder { Nobody, Worker };
    struct Inspection {
        Holder holder = Holder::Nobody;
        RunRecord record;
    };
    // Who holds the lock of the machine in `folder`; a folder or file that is not there is
    // unlocked.
    static Inspection inspect(const QString& folder);
    static QString path(const QString& folder);

    // A run that was recorded and never handed over is recorded as failed.
    ~MachineLock();
    MachineLock(MachineLock&& other) noexcept;
    MachineLock& operator=(MachineLock&& other) noexcept;

    // Replaces the record: a worker is about to get the machine. Error: NoSpace, Io.
    Result<void> recordStart(const QString& vncAddress);
    // The guest is about to go on from a saved state. Error: NoSpace, Io.
    Result<void> recordResume(const QString& token);
    // The worker runs the machine: from here on the end of the run is its to record.
    void handedOver() { m_ownsRun = false; }
    // Appends the end of the run; the same line that a worker writes. Error: NoSpace, Io.
    Result<void> recordExit(const QString& reason);

    // The descriptor that carries the lock (close-on-exec; appends).
    int fd() const { return m_fd.get(); }

private:
    explicit MachineLock(UniqueFd fd) : m_fd(std::move(fd)) {}
    UniqueFd m_fd;
    bool m_ownsRun = false; // recordStart() was called, no end is recorded
};

} // namespace vivarium
