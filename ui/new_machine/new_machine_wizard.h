#pragma once

#include "core/model/machine_id.h"
#include "ui/new_machine/new_machine_draft.h"
#include "ui/text/error_text.h"

#include <QWizard>

namespace vivarium {

class CurrentPreferences;
class Library;
class DiskPage;
class MachineCreation;
class NamePage;
class SummaryPage;

// The New Machine wizard. "Finish" makes the machine and its disk with progress and cancel; the
// wizard stays open with the reason when that fails. GUI thread.
class NewMachineWizard : public QWizard {
    Q_OBJECT
public:
    // `group`: where the machine goes.
    NewMachineWizard(Library& library, const CurrentPreferences& preferences, const QString& group,
                     QWidget* parent);

    // Fills in what the user has chosen before.
    void suggestImage(const QString& path);
    void suggestDisk(const QString& path);

    void accept() override;
    void reject() override;

Q_SIGNALS:
    void created(const vivarium::MachineId& id);

private:
    void setBusy(bool busy);
    void showFailure(const Error& error, Operation operation, const QString& subject);

    Library& m_library;
    NewMachineDraft m_draft;
    NamePage* m_namePage;
    DiskPage* m_diskPage;
    SummaryPage* m_summary;
    MachineCreation* m_creation = nullptr;
};

} // namespace vivarium
