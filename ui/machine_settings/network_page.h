#pragma once

#include "ui/machine_settings/settings_page.h"

class QGroupBox;
class QLineEdit;
class QTabWidget;

namespace vivarium {

// The network adapters.
class NetworkPage : public SettingsPage {
    Q_OBJECT
public:
    explicit NetworkPage(QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

private:
    struct Adapter {
        QGroupBox* box = nullptr;
        QLineEdit* macAddress = nullptr;
    };
    QWidget* adapterTab(quint32 slot);

    QTabWidget* m_tabs;
    QList<Adapter> m_adapters; // by slot
};

} // namespace vivarium
