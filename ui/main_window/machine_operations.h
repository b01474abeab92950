#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/text/error_text.h"

#include <QObject>
#include <QSet>

namespace vivarium {

class NotificationCenter;

// What the main window does to machines: asks supervisor and library, shows progress and failures
// in the notification center. GUI thread; nothing blocks.
class MachineOperations : public QObject {
    Q_OBJECT
public:
    MachineOperations(Library& library, Supervisor& supervisor, NotificationCenter& notifications,
                      QObject* parent = nullptr);

    enum class StartMode { Normal /* opens the console */, Headless };
    void start(const MachineId& id, StartMode mode);
    void pause(const MachineId& id);
    void resume(const MachineId& id);
    void reset(const MachineId& id);
    void shutDown(const MachineId& id);
    void powerOff(const MachineId& id);
    void remove(const MachineId& id, Library::Files files);
    void rename(const MachineId& id, const QString& name);
    void moveToGroup(const QList<MachineId>& machines, const QString& group);
    // Gives a group another last name; its machines and subgroups follow.
    void renameGroup(const QString& path, const QString& name);

Q_SIGNALS:
    // A machine that was started normally runs: show it.
    void started(const vivarium::MachineId& id);

private:
    void run(Operation operation, const MachineId& id, const QFuture<Result<void>>& reply);
    void showFailure(Operation operation, const QString& subject, const Error& error);
    void update(const Machine& machine, Operation operation);
    QString nameOf(const MachineId& id) const;

    Library& m_library;
    Supervisor& m_supervisor;
    NotificationCenter& m_notifications;
    QSet<MachineId> m_starting;
};

} // namespace vivarium
