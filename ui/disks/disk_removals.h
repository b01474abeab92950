#pragma once

#include "core/disk_manager/disk_usage.h"
#include "core/jobs/image_jobs.h"

#include <QObject>
#include <QSet>

namespace vivarium {

class NotificationCenter;
class UndoableRemovals;

// Deletes image files once their removal can no longer be taken back; until then they are only not
// to be shown. Failures go to the notification center. GUI thread.
class DiskRemovals : public QObject {
    Q_OBJECT
public:
    DiskRemovals(const ImageJobs& jobs, const DiskUsage& usage, NotificationCenter& notifications,
                 QObject* parent = nullptr);

    // `name`: what people call the disk at `path`. Once for each path that is not pending.
    void add(const QString& path, const QString& name);
    // From add() until the file is gone, kept, or could not be removed.
    const QSet<QString>& pending() const { return m_pending; }
    // The window ends: nothing can be taken back any more.
    void finish();

Q_SIGNALS:
    void removed(const QString& path);
    void failed(const QString& path);
    // Comes after the others.
    void pendingChanged();

private:
    void removeNow(const QString& path, const QString& name);
    void setPending(const QString& path, bool pending);

    const ImageJobs& m_jobs; // tool and usage: as they are when the file goes
    const DiskUsage& m_usage;
    NotificationCenter& m_notifications;
    UndoableRemovals* m_removals;
    QSet<QString> m_pending;
};

} // namespace vivarium
