#pragma once

#include "ui/machine_settings/settings_page.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QTabWidget;

namespace vivarium {

// Name, guest type, group, tags and notes.
class GeneralPage : public SettingsPage {
    Q_OBJECT
public:
    explicit GeneralPage(const QStringList& groups, QWidget* parent = nullptr);
    void load(const Machine& machine) override;
    void store(Machine& machine) const override;
    void setLiveness(Liveness liveness) override;

private:
    QTabWidget* m_tabs;
    QLineEdit* m_name;
    QComboBox* m_guestType;
    QComboBox* m_group;
    QLineEdit* m_tags;
    QLabel* m_folder;
    QPlainTextEdit* m_notes;
};

} // namespace vivarium
