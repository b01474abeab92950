#include "ui/disks/disk_removals.h"

#include "ui/text/error_text.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/notification_center.h"
#include "ui/widgets/undoable_removals.h"

namespace vivarium {

DiskRemovals::DiskRemovals(const ImageJobs& jobs, const DiskUsage& usage,
                           NotificationCenter& notifications, QObject* parent)
    : QObject(parent), m_jobs(jobs), m_usage(usage), m_notifications(notifications),
      m_removals(new UndoableRemovals(notifications, this)) {}

void DiskRemovals::add(const QString& path, const QString& name) {
    UserMessage message;
    message.title = tr("The disk “%1” was removed.").arg(name);
    message.reason = tr("The file is deleted, and its space is free, when this message goes.");
    setPending(path, true);
    m_removals->add(
        message, [this, path, name] { removeNow(path, name); },
        [this, path] { setPending(path, false); });
}

void DiskRemovals::finish() {
    m_removals->carryOutAll();
}

void DiskRemovals::removeNow(const QString& path, const QString& name) {
    // Not one of the window's jobs: those are cancelled when it goes.
    const auto work = [path, tool = m_jobs.tool(), usage = m_usage](Progress&) -> Result<void> {
        TRY(usage.mayRemove(path));
        return tool.remove(path);
    };
    whenReplied(this, runInBackground<void>(work), [this, path, name](const Result<void>& result) {
        if (result) {
            Q_EMIT
            removed(path);
        } else {
            m_notifications.showFailure(describeError(Operation::RemoveDisk, name, result.error()));
            Q_EMIT
            failed(path);
        }
        setPending(path, false);
    });
}

void DiskRemovals::setPending(const QString& path, bool pending) {
    if (pending)
        m_pending.insert(path);
    else
        m_pending.remove(path);
    Q_EMIT
    pendingChanged();
}

} // namespace vivarium
