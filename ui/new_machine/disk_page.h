#pragma once

#include "ui/new_machine/wizard_page.h"

class QCheckBox;
class QRadioButton;

namespace vivarium {

class DiskSizeField;
class InlineMessage;
class PathCheck;
class PathField;

// A new disk, an existing one, or none.
class DiskPage : public WizardPage {
    Q_OBJECT
public:
    DiskPage(const QString& mediaFolder, NewMachineDraft& draft, QWidget* parent);

    void suggestExisting(const QString& path);

    void initializePage() override;
    bool isComplete() const override;
    bool validatePage() override;

private:
    void check();

    QRadioButton* m_create;
    DiskSizeField* m_size;
    QCheckBox* m_preallocate;
    QRadioButton* m_existing;
    PathField* m_path;
    QRadioButton* m_none;
    InlineMessage* m_message;
    PathCheck* m_check = nullptr;
};

} // namespace vivarium
