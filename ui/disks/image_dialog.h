#pragma once

#include "vmm/control/image_messages.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QDialogButtonBox;
class QLabel;

namespace vivarium {

class DiskSizeField;
class InlineMessage;
class PathField;

// Asks for the file, format and size of an image that is to be made, copied or resized. Only asks;
// what happens is the disk manager's. GUI thread.
class ImageDialog : public QDialog {
    Q_OBJECT
public:
    enum class Purpose { Create, Copy, Resize };
    struct Choice {
        QString path;
        control::DiskFormat format = control::DiskFormat::Qcow2;
        uint64_t diskBytes = 0;
        bool preallocate = false;
    };

    // `initial`: what the fields begin with; Resize keeps its path.
    ImageDialog(Purpose purpose, const Choice& initial, QWidget* parent);

    Choice choice() const;

private:
    void check();
    void followFormat();

    Purpose m_purpose;
    Choice m_initial;
    PathField* m_path;
    QComboBox* m_format;
    DiskSizeField* m_size;
    QCheckBox* m_preallocate;
    InlineMessage* m_message;
    QDialogButtonBox* m_buttons;
};

} // namespace vivarium
