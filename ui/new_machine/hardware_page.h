#pragma once

#include "core/provision/host_checks.h"
#include "ui/new_machine/wizard_page.h"

namespace vivarium {

class InlineMessage;
class ValueSlider;

// Memory and processors.
class HardwarePage : public WizardPage {
    Q_OBJECT
public:
    HardwarePage(NewMachineDraft& draft, QWidget* parent);

    void initializePage() override;
    bool isComplete() const override;
    bool validatePage() override;

private:
    void check();

    quint32 m_hostMemoryMiB;
    quint32 m_hostCpuCount;
    ValueSlider* m_memory;
    ValueSlider* m_processors;
    InlineMessage* m_message;
};

} // namespace vivarium
