#pragma once

#include "core/model/snapshot.h"
#include "ui/snapshots/snapshot_operations.h"

#include <QDialog>

class QComboBox;
class QDialogButtonBox;
class QLabel;
class QLineEdit;
class QRadioButton;
class QSpinBox;

namespace vivarium {

class InlineMessage;
class Supervisor;

// What a copy of a machine shall be: its name, from which moment, and of which kind. Offers only
// what the machine's state allows, and says why not the rest. GUI thread.
class CloneDialog : public QDialog {
    Q_OBJECT
public:
    static constexpr int kMaxForks = 64;

    // `snapshot`: what is chosen at first; null: the current state.
    CloneDialog(const SnapshotService& service, const Library& library,
                const Supervisor& supervisor, const MachineId& machine, const SnapshotId& snapshot,
                QWidget* parent);

    CloneRequest request() const;

private:
    void retranslate();
    void fillSources(const SnapshotId& chosen);
    SnapshotId chosenSnapshot() const;
    void refresh();
    QString nameProblem() const;

    const SnapshotService& m_service;
    const Library& m_library;
    const Supervisor& m_supervisor;
    MachineId m_machine;
    QString m_machineName;
    bool m_hasNetworkCards = false;
    QLabel* m_nameLabel;
    QLineEdit* m_name;
    QLabel* m_sourceLabel;
    QComboBox* m_source;
    QLabel* m_macPolicyLabel;
    QComboBox* m_macPolicy;
    QLabel* m_kindLabel;
    QRadioButton* m_full;
    QLabel* m_fullText;
    QRadioButton* m_linked;
    QLabel* m_linkedText;
    QRadioButton* m_fork;
    QLabel* m_forkText;
    QLabel* m_countLabel;
    QSpinBox* m_count;
    InlineMessage* m_problem;
    QDialogButtonBox* m_buttons;
};

} // namespace vivarium
