#pragma once

#include "core/model/machine_settings.h"

#include <QDialog>

class QCheckBox;
class QLabel;
class QRadioButton;

namespace vivarium {

// What to do with a running guest whose window closes.
class CloseDialog : public QDialog {
    Q_OBJECT
public:
    // A paused guest cannot take the shutdown signal.
    enum class Guest { Running, Paused };
    CloseDialog(const QString& machineName, Guest guest, QWidget* parent);

    CloseAction action() const;
    // Use the answer from now on for this machine.
    bool remember() const;

private:
    void retranslate(const QString& machineName);

    QLabel* m_question;
    QRadioButton* m_keepRunning;
    QRadioButton* m_saveState;
    QRadioButton* m_shutdown;
    QRadioButton* m_powerOff;
    QCheckBox* m_remember;
};

} // namespace vivarium
