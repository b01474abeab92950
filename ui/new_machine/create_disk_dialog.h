#pragma once

#include "vmm/base/result.h"

#include <QDialog>
#include <QFuture>

class QCheckBox;
class QDialogButtonBox;
class QProgressBar;

namespace vivarium {

class DiskSizeField;
class InlineMessage;
class PathCheck;
class PathField;

// Makes a new raw disk image with progress and cancel.
class CreateDiskDialog : public QDialog {
    Q_OBJECT
public:
    // The suggested file lies in `folder` and is named after the machine.
    CreateDiskDialog(const QString& folder, const QString& machineName, QWidget* parent);

    void reject() override;

Q_SIGNALS:
    void created(const QString& path);

private:
    void check();
    void updateButton();
    void create();
    void setBusy(bool busy);

    PathField* m_path;
    DiskSizeField* m_size;
    QCheckBox* m_preallocate;
    InlineMessage* m_message;
    PathCheck* m_check = nullptr;
    QProgressBar* m_progress;
    QDialogButtonBox* m_buttons;
    QFuture<Result<void>> m_creation;
};

} // namespace vivarium
