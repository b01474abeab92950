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
    void remove(const MachineId& machine, const SnapshotId& snapshot);
    void discardSavedState(const QList<MachineId>& machines);
    // A null snapshot: the current state.
    void clone(const MachineId& machine, const SnapshotId& snapshot);

private:
    SnapshotService& m_service;
    const Library& m_library;
    const Supervisor& m_supervisor;
    GuestDisplays& m_displays;
    SnapshotOperations& m_operations;
    QWidget* m_window;
};

} // namespace vivarium
