#include "ui/main_window/session_end.h"

#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "core/supervisor/supervisor.h"
#include "ui/text/error_text.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/notification_center.h"

#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QEventLoop>
#include <QGuiApplication>
#include <QSessionManager>

namespace vivarium {

namespace {

// org.freedesktop.login1, "Inhibitor locks".
const QString kService = QStringLiteral("org.freedesktop.login1");
const QString kPath = QStringLiteral("/org/freedesktop/login1");
const QString kInterface = QStringLiteral("org.freedesktop.login1.Manager");

} // namespace

SessionEnd::SessionEnd(const Library& library, const Supervisor& supervisor,
                       SnapshotService& snapshots, CurrentPreferences& preferences,
                       NotificationCenter& notifications, const QDBusConnection& systemBus,
                       QObject* parent)
    : QObject(parent), m_library(library), m_supervisor(supervisor), m_snapshots(snapshots),
      m_preferences(preferences), m_notifications(notifications), m_bus(systemBus) {
    connect(qGuiApp, &QGuiApplication::commitDataRequest, this, &SessionEnd::commitData,
            Qt::DirectConnection);
    m_bus.connect(kService, kPath, kInterface, QStringLiteral("PrepareForShutdown"), this,
                  SLOT(prepareForShutdown(bool)));
    connect(&preferences, &CurrentPreferences::changed, this, &SessionEnd::followPreferences);
    followPreferences();
}

void SessionEnd::followPreferences() {
    if (!m_preferences.value().saveAtSessionEnd)
        m_inhibitor = {};
    else if (!holdsShutdown())
        holdShutdown();
}

void SessionEnd::holdShutdown() {
    QDBusMessage call =
        QDBusMessage::createMethodCall(kService, kPath, kInterface, QStringLiteral("Inhibit"));
    call << QStringLiteral("shutdown") << QStringLiteral("Vivarium")
         << tr("The running machines are being saved.") << QStringLiteral("delay");
    auto* watcher = new QDBusPendingCallWatcher(m_bus.asyncCall(call), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, watcher] {
        watcher->deleteLater();
        const QDBusPendingReply<QDBusUnixFileDescriptor> reply = *watcher;
        if (!reply.isError() && m_preferences.value().saveAtSessionEnd)
            m_inhibitor = reply.value();
    });
}

void SessionEnd::prepareForShutdown(bool begins) {
    if (!m_preferences.value().saveAtSessionEnd)
        return;
    if (!begins) { // somebody has called it off
        if (!holdsShutdown())
            holdShutdown();
        return;
    }
    connect(
        this, &SessionEnd::saved, this, [this] { m_inhibitor = {}; }, Qt::SingleShotConnection);
    saveAll();
}

// The session manager waits until this returns.
void SessionEnd::commitData(QSessionManager&) {
    if (!m_preferences.value().saveAtSessionEnd)
        return;
    QEventLoop waiting;
    connect(this, &SessionEnd::saved, &waiting, &QEventLoop::quit, Qt::QueuedConnection);
    saveAll();
    waiting.exec(QEventLoop::ExcludeUserInputEvents);
}

void SessionEnd::saveAll() {
    const auto finish = [this](const MachineId& id) {
        m_saving.remove(id);
        if (m_saving.isEmpty())
            Q_EMIT
        saved();
    };
    const QList<Machine> machines = m_library.machines();
    for (const Machine& machine : machines) {
        const MachineState state = m_supervisor.status(machine.id).state;
        if ((state != MachineState::Running && state != MachineState::Paused) ||
            m_saving.contains(machine.id))
            continue;
        m_saving.insert(machine.id);
        const QString name = machine.settings.name;
        const QPointer<Notification> progress = m_notifications.showProgress(
            tr("The session ends: saving the state of “%1”…").arg(name), {});
        whenReplied(this, m_snapshots.saveState(machine.id),
                    [this, finish, progress, name, id = machine.id](const Result<void>& result) {
                        if (progress)
                            progress->dismiss();
                        if (!result)
                            m_notifications.showFailure(
                                describeError(Operation::SaveState, name, result.error()));
                        finish(id);
                    });
    }
    if (m_saving.isEmpty())
        Q_EMIT
    saved();
}

} // namespace vivarium
