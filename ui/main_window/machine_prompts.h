#pragma once

#include "core/model/machine_id.h"

#include <QList>
#include <QObject>
#include <QStringList>

class QMessageBox;
class QPushButton;
class QWidget;

namespace vivarium {

class Library;
class MachineOperations;
class SnapshotService;

// The questions before actions that lose something, and for names of groups. Each opens a dialog
// and returns at once. GUI thread.
class MachinePrompts : public QObject {
    Q_OBJECT
public:
    MachinePrompts(const Library& library, const SnapshotService& snapshots,
                   MachineOperations& operations, QWidget* window);

    void remove(const QList<MachineId>& machines);
    void reset(const QList<MachineId>& machines);
    void powerOff(const QList<MachineId>& machines);
    void group(const QList<MachineId>& machines);

private:
    // The machines' names, one a line, at most a handful.
    QString namesOf(const QList<MachineId>& machines) const;

    void forbidIfNeeded(const MachineId& id, QMessageBox* box, QPushButton* deleteFiles);

    const Library& m_library;
    const SnapshotService& m_snapshots;
    MachineOperations& m_operations;
    QWidget* m_window;
};

} // namespace vivarium
