#pragma once

#include "ui/machine_settings/settings_page.h"

class QComboBox;
class QGroupBox;
class QLineEdit;
class QSpinBox;
class QTabWidget;

namespace vivarium {

// Video memory, scaling, and the remote screen (VNC).
class DisplayPage : public SettingsPage {
    Q_OBJECT
public:
    explicit DisplayPage(QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

private:
    QTabWidget* m_tabs;
    QComboBox* m_videoMemory;
    QComboBox* m_scaleMode;
    QGroupBox* m_vnc;
    QLineEdit* m_address;
    QSpinBox* m_port;
    QLineEdit* m_password;
};

} // namespace vivarium
