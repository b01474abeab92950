#pragma once

#include "ui/machine_settings/settings_page.h"

class QComboBox;
class QGroupBox;
class QLineEdit;
class QTabWidget;

namespace vivarium {

class PathField;

// COM1 to COM4.
class SerialPortsPage : public SettingsPage {
    Q_OBJECT
public:
    explicit SerialPortsPage(QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

private:
    struct Port {
        QGroupBox* box = nullptr;
        QComboBox* mode = nullptr;
        PathField* path = nullptr;
    };
    QWidget* portTab(quint32 number);
    void updatePath(const Port& port);

    QTabWidget* m_tabs;
    QList<Port> m_ports;
};

} // namespace vivarium
