#include "ui/disks/image_dialog.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/disk_size_field.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/path_field.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLineEdit>
#include <QPushButton>

namespace vivarium {

namespace {

const char16_t* suffixOf(control::DiskFormat format) {
    return format == control::DiskFormat::Qcow2 ? u".qcow2" : u".img";
}

} // namespace

ImageDialog::ImageDialog(Purpose purpose, const Choice& initial, QWidget* parent)
    : QDialog(parent), m_purpose(purpose), m_initial(initial),
      m_path(new PathField(PathField::Kind::SaveFile, this)), m_format(new QComboBox(this)),
      m_size(new DiskSizeField(this)), m_preallocate(new QCheckBox(this)),
      m_message(new InlineMessage(this)),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this)) {
    setAttribute(Qt::WA_DeleteOnClose);
    setMinimumWidth(480);
    m_path->setDialog(tr("Choose the File of the New Disk"), diskImageFilters());
    m_path->setPath(initial.path);
    m_format->addItem(tr("QCOW2 (grows, snapshots)"), static_cast<int>(control::DiskFormat::Qcow2));
    m_format->addItem(tr("Raw (plain, fastest)"), static_cast<int>(control::DiskFormat::Raw));
    m_format->setCurrentIndex(m_format->findData(static_cast<int>(initial.format)));
    m_format->setAccessibleName(tr("Format"));
    m_size->setSizeBytes(initial.diskBytes);
    m_preallocate->setText(tr("&Pre-allocate full size"));
    QPushButton* ok = m_buttons->button(QDialogButtonBox::Ok);
    auto* form = new QFormLayout(this);
    switch (purpose) {
    case Purpose::Create:
        setWindowTitle(tr("Create a Hard Disk"));
        ok->setText(tr("&Create"));
        break;
    case Purpose::Copy:
        ok->setText(tr("&Copy"));
        break;
    case Purpose::Resize:
        ok->setText(tr("&Resize"));
        break;
    }
    const bool makesFile = purpose != Purpose::Resize;
    m_path->setVisible(makesFile);
    m_format->setVisible(makesFile);
    m_size->setVisible(purpose != Purpose::Copy);
    m_preallocate->setVisible(purpose == Purpose::Create);
    if (makesFile) {
        form->addRow(tr("&File:"), m_path);
        form->addRow(tr("F&ormat:"), m_format);
    }
    if (purpose != Purpose::Copy)
        form->addRow(tr("&Size:"), m_size);
    if (purpose == Purpose::Create)
        form->addRow(QString(), m_preallocate);
    form->addRow(m_message);
    form->addRow(m_buttons);
    connect(m_format, &QComboBox::currentIndexChanged, this, &ImageDialog::followFormat);
    connect(m_path, &PathField::pathChanged, this, &ImageDialog::check);
    connect(m_size, &DiskSizeField::sizeChanged, this, &ImageDialog::check);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    check();
}

ImageDialog::Choice ImageDialog::choice() const {
    Choice choice;
    choice.path = m_purpose == Purpose::Resize ? m_initial.path : m_path->path();
    choice.format = static_cast<control::DiskFormat>(m_format->currentData().toInt());
    choice.diskBytes = m_size->sizeBytes();
    choice.preallocate = m_preallocate->isChecked();
    return choice;
}

// The name's ending goes with the format, when it was the other format's.
void ImageDialog::followFormat() {
    const control::DiskFormat format = choice().format;
    const QString old = QString::fromUtf16(suffixOf(format == control::DiskFormat::Qcow2
                                                        ? control::DiskFormat::Raw
                                                        : control::DiskFormat::Qcow2));
    QString path = m_path->path();
    if (path.endsWith(old)) {
        path.chop(old.size());
        m_path->setPath(path + QString::fromUtf16(suffixOf(format)));
    }
    check();
}

void ImageDialog::check() {
    const Choice wanted = choice();
    m_message->clear();
    bool usable = !wanted.path.isEmpty();
    if (m_purpose != Purpose::Copy && wanted.diskBytes == 0) {
        usable = false;
        m_message->show(InlineMessage::Level::Error,
                        tr("Type a size such as “20 GB” or “512 MB”."));
    } else if (m_purpose == Purpose::Resize && wanted.diskBytes < m_initial.diskBytes) {
        usable = false;
        m_message->show(InlineMessage::Level::Error,
                        tr("A disk cannot be made smaller here, because its end would be lost. "
                           "It has %1 now.")
                            .arg(sizeText(m_initial.diskBytes)));
    } else if (m_purpose == Purpose::Resize && wanted.diskBytes == m_initial.diskBytes) {
        usable = false;
    }
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(usable);
}

} // namespace vivarium
