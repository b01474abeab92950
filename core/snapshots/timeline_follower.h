#pragma once

#include "core/model/machine_id.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

// Who takes a running machine's automatic snapshots. Any window can be closed at any time, so it is
// a process of its own, `viv snapshot timeline NAME --follow`, which ends with the guest.
namespace vivarium::timeline {

// The open-file-description lock on "<folder>/timeline.lock": one process follows a machine's
// timeline. It ends with its holder.
class FollowerLock {
public:
    // Errors: Busy, else what opening the file said. Any thread.
    static Result<FollowerLock> acquire(const QString& folder);
    static bool isHeld(const QString& folder);
    static QString path(const QString& folder);

private:
    explicit FollowerLock(UniqueFd fd) : m_fd(std::move(fd)) {}
    UniqueFd m_fd;
};

// `viv` beside the running program; empty when there is none.
QString followerProgram();
// Starts a follower, which outlives this process. It ends at once when there is one already.
// Errors: NotFound. Any thread.
Result<void> startFollower(const QString& program, const MachineId& machine);

} // namespace vivarium::timeline
