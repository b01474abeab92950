#include "ui/main_window/machine_operations.h"

#include "ui/widgets/future_reply.h"
#include "ui/widgets/notification_center.h"
#include "ui/widgets/undoable_removals.h"

namespace vivarium {

MachineOperations::MachineOperations(Library& library, Supervisor& supervisor,
                                     NotificationCenter& notifications, QObject* parent)
    : QObject(parent), m_library(library), m_supervisor(supervisor), m_notifications(notifications),
      m_removals(new UndoableRemovals(notifications, this)) {}

QString MachineOperations::nameOf(const MachineId& id) const {
    const Machine* machine = m_library.find(id);
    return machine ? machine->settings.name : QString();
}

void MachineOperations::showFailure(Operation operation, const QString& subject,
                                    const Error& error) {
    if (error.code != ErrorCode::Cancelled)
        m_notifications.showFailure(describeError(operation, subject, error));
}

void MachineOperations::run(Operation operation, const MachineId& id,
                            const QFuture<Result<void>>& reply) {
    whenReplied(this, reply, [this, operation, name = nameOf(id)](const Result<void>& result) {
        if (!result)
            showFailure(operation, name, result.error());
    });
}

void MachineOperations::start(const MachineId& id, StartMode mode) {
    if (m_starting.contains(id))
        return;
    m_starting.insert(id);
    const QString name = nameOf(id);
    QFuture<Result<void>> reply = m_supervisor.start(id);
    const QPointer<Notification> progress = m_notifications.showProgress(
        tr("Starting “%1”…").arg(name), [reply]() mutable { reply.cancel(); });
    whenReplied(this, reply, [this, id, mode, name, progress](const Result<void>& result) {
        m_starting.remove(id);
        if (progress)
            progress->dismiss();
        if (!result)
            showFailure(Operation::StartMachine, name, result.error());
        else if (mode == StartMode::Normal)
            Q_EMIT
        started(id);
    });
}

void MachineOperations::pause(const MachineId& id) {
    run(Operation::PauseMachine, id, m_supervisor.pause(id));
}

void MachineOperations::resume(const MachineId& id) {
    run(Operation::ResumeMachine, id, m_supervisor.resume(id));
}

void MachineOperations::reset(const MachineId& id) {
    run(Operation::ResetMachine, id, m_supervisor.reset(id));
}

void MachineOperations::shutDown(const MachineId& id) {
    run(Operation::ShutDownMachine, id, m_supervisor.powerButton(id));
}

void MachineOperations::powerOff(const MachineId& id) {
    const QString name = nameOf(id);
    QFuture<Result<void>> reply = m_supervisor.powerOff(id);
    const QPointer<Notification> progress =
        m_notifications.showProgress(tr("Powering off “%1”…").arg(name), {});
    whenReplied(this, reply, [this, name, progress](const Result<void>& result) {
        if (progress)
            progress->dismiss();
        if (!result)
            showFailure(Operation::PowerOffMachine, name, result.error());
    });
}

void MachineOperations::setPending(const QList<MachineId>& machines, bool pending) {
    for (const MachineId& id : machines) {
        if (pending)
            m_pendingRemovals.insert(id);
        else
            m_pendingRemovals.remove(id);
    }
    Q_EMIT
    pendingRemovalsChanged();
}

void MachineOperations::remove(const QList<MachineId>& machines, Library::Files files) {
    if (machines.isEmpty())
        return;
    UserMessage message;
    message.title =
        machines.size() == 1
            ? tr("The machine “%1” was removed.").arg(nameOf(machines.first()))
            : tr("%n machine(s) were removed.", nullptr, static_cast<int>(machines.size()));
    message.reason =
        files == Library::Files::Delete
            ? tr("The files are deleted, and their space is free, when this message goes.")
            : tr("The files stay where they are.");
    setPending(machines, true);
    m_removals->add(
        message,
        [this, machines, files] {
            for (const MachineId& id : machines)
                removeNow(id, files);
        },
        [this, machines] { setPending(machines, false); });
}

void MachineOperations::finishRemovals() {
    m_removals->carryOutAll();
}

void MachineOperations::removeNow(const MachineId& id, Library::Files files) {
    const QString name = nameOf(id);
    QFuture<Result<void>> reply = m_library.remove(id, files);
    const QPointer<Notification> progress =
        m_notifications.showProgress(tr("Removing “%1”…").arg(name), {});
    whenReplied(this, reply, [this, id, name, progress](const Result<void>& result) {
        if (progress)
            progress->dismiss();
        setPending({id}, false); // gone, or still there
        if (!result)
            showFailure(Operation::RemoveMachine, name, result.error());
    });
}

void MachineOperations::update(const Machine& machine, Operation operation) {
    whenReplied(this, m_library.update(machine),
                [this, operation, name = machine.settings.name](const Result<void>& result) {
                    if (!result)
                        showFailure(operation, name, result.error());
                });
}

void MachineOperations::rename(const MachineId& id, const QString& name) {
    const Machine* machine = m_library.find(id);
    if (!machine)
        return;
    Machine changed = *machine;
    changed.settings.name = name;
    const QList<SettingsProblem> problems = validate(changed.settings);
    if (!problems.isEmpty() && problems.first().field == u"name")
        showFailure(Operation::RenameMachine, name,
                    fail(ErrorCode::InvalidArgument, problems.first().message.toStdString()));
    else
        update(changed, Operation::RenameMachine);
}

void MachineOperations::moveToGroup(const QList<MachineId>& machines, const QString& group) {
    for (const MachineId& id : machines) {
        const Machine* machine = m_library.find(id);
        if (!machine || machine->group == group)
            continue;
        Machine changed = *machine;
        changed.group = group;
        update(changed, Operation::SaveSettings);
    }
}

void MachineOperations::renameGroup(const QString& path, const QString& name) {
    const qsizetype slash = path.lastIndexOf(u'/');
    QString renamed = name;
    renamed.remove(u'/');
    if (renamed.trimmed().isEmpty())
        return;
    const QString target = path.left(slash + 1) + renamed.trimmed();
    const QList<Machine> machines = m_library.machines(); // a copy: updates reorder the cache
    for (const Machine& machine : machines) {
        if (machine.group != path && !machine.group.startsWith(path + u'/'))
            continue;
        Machine changed = machine;
        changed.group = target + machine.group.mid(path.size());
        update(changed, Operation::SaveSettings);
    }
}

} // namespace vivarium
