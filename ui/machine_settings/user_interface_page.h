#pragma once

#include "ui/machine_settings/settings_page.h"

class QComboBox;

namespace vivarium {

// How the machine's window behaves.
class UserInterfacePage : public SettingsPage {
    Q_OBJECT
public:
    explicit UserInterfacePage(QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness) override {} // all of it can change at any time

private:
    QComboBox* m_closeAction;
};

} // namespace vivarium
