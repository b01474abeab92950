#pragma once

#include "ui/new_machine/wizard_page.h"

class QLabel;
class QProgressBar;

namespace vivarium {

class InlineMessage;

// All choices once more; later the progress of making it.
class SummaryPage : public WizardPage {
    Q_OBJECT
public:
    SummaryPage(NewMachineDraft& draft, QWidget* parent);

    void initializePage() override;
    void showProgress(int permille);
    void hideProgress();
    void showProblem(const QString& text);

private:
    QLabel* m_summary;
    QProgressBar* m_progress;
    InlineMessage* m_message;
};

} // namespace vivarium
