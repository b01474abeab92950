#pragma once

#include "ui/new_machine/new_machine_draft.h"

#include <QWizardPage>

namespace vivarium {

// A page of the New Machine wizard: shows a part of the draft and writes it back when the user goes
// on. Checks while the user types.
class WizardPage : public QWizardPage {
    Q_OBJECT
public:
    WizardPage(NewMachineDraft& draft, QWidget* parent) : QWizardPage(parent), m_draft(draft) {}

protected:
    NewMachineDraft& draft() { return m_draft; }
    const NewMachineDraft& draft() const { return m_draft; }

private:
    NewMachineDraft& m_draft;
};

} // namespace vivarium
