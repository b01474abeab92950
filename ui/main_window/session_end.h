#pragma once

#include "core/model/machine_id.h"

#include <QDBusConnection>
#include <QDBusUnixFileDescriptor>
#include <QFuture>
#include <QObject>
#include <QSet>

class QSessionManager;

namespace vivarium {

class CurrentPreferences;
class Library;
class NotificationCenter;
class SnapshotService;
class Supervisor;

// Saves the running machines when the desktop session ends, if the user wants that. Learns of it
// from the session manager (which waits) and from systemd-logind, whose shutdown it delays
// meanwhile (for InhibitDelayMaxSec, 5 s unless the administrator gives more). GUI thread.
class SessionEnd : public QObject {
    Q_OBJECT
public:
    // `systemBus`: where org.freedesktop.login1 is.
    SessionEnd(const Library& library, const Supervisor& supervisor, SnapshotService& snapshots,
               CurrentPreferences& preferences, NotificationCenter& notifications,
               const QDBusConnection& systemBus, QObject* parent = nullptr);

    // Whether logind waits for us.
    bool holdsShutdown() const { return m_inhibitor.isValid(); }

Q_SIGNALS:
    void saved(); // or not, where that failed

private Q_SLOTS:
    void prepareForShutdown(bool begins);

private:
    void commitData(QSessionManager& manager);
    void followPreferences();
    void holdShutdown();
    void saveAll();

    const Library& m_library;
    const Supervisor& m_supervisor;
    SnapshotService& m_snapshots;
    CurrentPreferences& m_preferences;
    NotificationCenter& m_notifications;
    QDBusConnection m_bus;
    QDBusUnixFileDescriptor m_inhibitor; // logind waits while it is open
    QSet<MachineId> m_saving;
};

} // namespace vivarium
