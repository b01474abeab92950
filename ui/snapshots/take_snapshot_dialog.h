#pragma once

#include "core/model/machine_id.h"

#include <QDialog>

#include <memory>

class QDialogButtonBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;

namespace vivarium {

class GuestDisplay;
class GuestDisplays;
class InlineMessage;
class SnapshotService;

// Asks for the name and description of a new snapshot; shows the picture that it will have. GUI
// thread.
class TakeSnapshotDialog : public QDialog {
    Q_OBJECT
public:
    TakeSnapshotDialog(const SnapshotService& service, GuestDisplays& displays,
                       const MachineId& machine, QWidget* parent);
    ~TakeSnapshotDialog() override;

    QString name() const; // empty: the service's default
    QString description() const;

private:
    void retranslate();
    void check();
    void showPicture(const QImage& picture);

    std::shared_ptr<GuestDisplay> m_display;
    QLabel* m_picture;
    QLabel* m_nameLabel;
    QLineEdit* m_name;
    QLabel* m_descriptionLabel;
    QPlainTextEdit* m_description;
    InlineMessage* m_problem;
    QDialogButtonBox* m_buttons;
};

} // namespace vivarium
