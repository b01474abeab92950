#pragma once

#include "core/model/snapshot.h"

#include <QDialog>

class QCheckBox;
class QDialogButtonBox;
class QLabel;
class QSpinBox;

namespace vivarium {

class InlineMessage;

// When snapshots of a machine are taken by themselves, and how long they are kept.
class TimelineDialog : public QDialog {
    Q_OBJECT
public:
    TimelineDialog(const QString& machineName, const TimelineSettings& settings, QWidget* parent);

    TimelineSettings settings() const;

private:
    void retranslate(const QString& machineName);
    void refresh();
    static int snapshotCount(const TimelineSettings& settings);

    QCheckBox* m_enabled;
    QLabel* m_everyLabel;
    QSpinBox* m_every;
    QLabel* m_keepAllLabel;
    QSpinBox* m_keepAll;
    QLabel* m_keepHourlyLabel;
    QSpinBox* m_keepHourly;
    QLabel* m_keepDailyLabel;
    QSpinBox* m_keepDaily;
    QLabel* m_summary;
    QLabel* m_note;
    InlineMessage* m_problem;
    QDialogButtonBox* m_buttons;
};

} // namespace vivarium
