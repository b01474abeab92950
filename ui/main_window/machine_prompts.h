#pragma once

#include "core/model/machine_id.h"

#include <QList>
#include <QObject>
#include <QStringList>

class QWidget;

namespace vivarium {

class Library;
class MachineOperations;

// The questions before actions that lose something, and for names of groups. Each opens a dialog
// and returns at once. GUI thread.
class MachinePrompts : public QObject {
    Q_OBJECT
public:
    MachinePrompts(const Library& library, MachineOperations& operations, QWidget* window);

    void remove(const QList<MachineId>& machines);
    void reset(const QList<MachineId>& machines);
    void powerOff(const QList<MachineId>& machines);
    void group(const QList<MachineId>& machines);

private:
    // The machines' names, one a line, at most a handful.
    QString namesOf(const QList<MachineId>& machines) const;

    const Library& m_library;
    MachineOperations& m_operations;
    QWidget* m_window;
};

} // namespace vivarium
