#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/text/error_text.h"

#include <QObject>
#include <QSet>

namespace vivarium {

class NotificationCenter;
class UndoableRemovals;

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
    // Can be taken back for some seconds, during which the machines are in pendingRemovals().
    void remove(const QList<MachineId>& machines, Library::Files files);
    const QSet<MachineId>& pendingRemovals() const { return m_pendingRemovals; }
    // The window ends: nothing can be taken back any more.
    void finishRemovals();
    void rename(const MachineId& id, const QString& name);
    void moveToGroup(const QList<MachineId>& machines, const QString& group);
    // Gives a group another last name; its machines and subgroups follow.
    void renameGroup(const QString& path, const QString& name);

Q_SIGNALS:
    // A machine that was started normally runs: show it.
    void started(const vivarium::MachineId& id);
    void pendingRemovalsChanged();

private:
    void removeNow(const MachineId& id, Library::Files files);
    void setPending(const QList<MachineId>& machines, bool pending);
    void run(Operation operation, const MachineId& id, const QFuture<Result<void>>& reply);
    void showFailure(Operation operation, const QString& subject, const Error& error);
    void update(const Machine& machine, Operation operation);
    QString nameOf(const MachineId& id) const;

    Library& m_library;
    Supervisor& m_supervisor;
    NotificationCenter& m_notifications;
    UndoableRemovals* m_removals;
    QSet<MachineId> m_pendingRemovals;
    QSet<MachineId> m_starting;
};

} // namespace vivarium
