#pragma once

#include "core/model/machine_id.h"
#include "core/model/snapshot_id.h"

#include <QObject>

class QWidget;

namespace vivarium {

class GuestDisplays;
class Library;
class SnapshotOperations;
class SnapshotService;
class Supervisor;

// The dialogs before something is done with snapshots. Each opens one and returns at once; what is
// answered goes to SnapshotOperations. GUI thread.
class SnapshotPrompts : public QObject {
    Q_OBJECT
public:
    SnapshotPrompts(SnapshotService& service, const Library& library, const Supervisor& supervisor,
                    GuestDisplays& displays, SnapshotOperations& operations, QWidget* window);

    void take(const MachineId& machine);
    void restore(const MachineId& machine, const SnapshotId& snapshot);
    // Says instead why not, with names, while other machines stand on it.
    void remove(const MachineId& machine, const SnapshotId& snapshot);
    void timeline(const MachineId& machine);
    // Makes it a template or, if it is one, an ordinary machine again.
    void toggleTemplate(const MachineId& machine);
    void discardSavedState(const QList<MachineId>& machines);
    // A null snapshot: the current state.
    void clone(const MachineId& machine, const SnapshotId& snapshot);

private:
    void askToRemove(const MachineId& machine, const SnapshotId& snapshot);
    void refuse(const QString& title, const QString& text, const QStringList& machines,
                const QString& advice);

    SnapshotService& m_service;
    const Library& m_library;
    const Supervisor& m_supervisor;
    GuestDisplays& m_displays;
    SnapshotOperations& m_operations;
    QWidget* m_window;
};

} // namespace vivarium
