#pragma once

#include "core/database/library.h"
#include "core/model/machine_id.h"
#include "core/supervisor/supervisor.h"

#include <QList>
#include <QObject>

class QAction;
class QMenu;

namespace vivarium {

// The actions on machines with VirtualBox's names, pictures and shortcuts, and the rule which of
// them the selected machines allow. What they do is connected by the main window. GUI thread.
class MachineActions : public QObject {
    Q_OBJECT
public:
    explicit MachineActions(QWidget* window);

    // Enables what fits; `machines` are the selected ones, `groupSelected`: a group is current.
    struct Selection {
        QList<MachineId> machines;
        QString group;
    };
    void update(const Selection& selection, const Supervisor& supervisor, const Library& library);
    void retranslate();

    QAction* newMachine;
    QAction* add;
    QAction* settings;
    QAction* rename;
    QAction* remove;
    QAction* group;
    QAction* clone;
    QAction* useAsTemplate; // checked: it is one
    QAction* start; // resumes saved machines, shows the console when all selected machines run
    QAction* startNormal;
    QAction* startHeadless;
    QAction* pause;
    QAction* reset;
    QAction* shutDown;
    QAction* saveState;
    QAction* powerOff;
    QAction* discardSavedState;
    QAction* showSnapshots;
    QAction* showLog;
    QAction* showFolder;
    QAction* search;
    QAction* preferences;
    QAction* diskManager;
    QAction* connectRemote;
    QAction* quit;
    QAction* about;

    // True while `start` means Show.
    bool startShows() const { return m_start == StartMeans::Show; }

private:
    enum class StartMeans { Start, Resume, Show };
    void describeStart();

    StartMeans m_start = StartMeans::Start;
};

} // namespace vivarium
