#include "ui/new_machine/create_disk_dialog.h"

#include "core/provision/disk_creation.h"
#include "ui/new_machine/path_check.h"
#include "ui/text/error_text.h"
#include "ui/widgets/background.h"
#include "ui/widgets/disk_size_field.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/path_field.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QDir>
#include <QFileInfo>
#include <QFormLayout>
#include <QProgressBar>
#include <QPushButton>

namespace vivarium {

namespace {

constexpr quint64 kSuggestedBytes = 20ull << 30;

// "Name.img", "Name 2.img", ... whichever is not there yet.
QString freeFileName(const QString& folder, const QString& name) {
    for (int number = 1;; ++number) {
        const QString file = number == 1 ? QStringLiteral("%1.img").arg(name)
                                         : QStringLiteral("%1 %2.img").arg(name).arg(number);
        const QString path = QDir(folder).filePath(file);
        if (!QFileInfo::exists(path))
            return path;
    }
}

} // namespace

CreateDiskDialog::CreateDiskDialog(const QString& folder, const QString& machineName,
                                   QWidget* parent)
    : QDialog(parent), m_path(new PathField(PathField::Kind::SaveFile, this)),
      m_size(new DiskSizeField(this)), m_preallocate(new QCheckBox(this)),
      m_message(new InlineMessage(this)), m_progress(new QProgressBar(this)),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this)) {
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowTitle(tr("Create a Hard Disk"));
    m_path->setDialog(tr("Choose the File of the New Disk"), diskImageFilters());
    whenFinished(this, computeInBackground([folder, machineName] {
                     return freeFileName(folder, machineName);
                 }),
                 [this](const QFuture<QString>& suggestion) {
                     if (m_path->path().isEmpty())
                         m_path->setPath(suggestion.result());
                 });
    m_size->setSizeBytes(kSuggestedBytes);
    m_preallocate->setText(tr("&Pre-allocate full size"));
    m_preallocate->setToolTip(
        tr("Takes all the space now. Otherwise the file grows as the guest writes."));
    m_progress->setRange(0, 1000);
    m_progress->hide();
    m_buttons->button(QDialogButtonBox::Ok)->setText(tr("&Create"));
    auto* form = new QFormLayout(this);
    form->addRow(tr("&File:"), m_path);
    form->addRow(tr("&Size:"), m_size);
    form->addRow(QString(), m_preallocate);
    form->addRow(m_message);
    form->addRow(m_progress);
    form->addRow(m_buttons);
    setMinimumWidth(480);
    m_check = new PathCheck(*m_message);
    connect(m_check, &PathCheck::changed, this, &CreateDiskDialog::updateButton);
    connect(m_path, &PathField::pathChanged, this, &CreateDiskDialog::check);
    connect(m_size, &DiskSizeField::sizeChanged, this, &CreateDiskDialog::check);
    connect(m_preallocate, &QCheckBox::toggled, this, &CreateDiskDialog::check);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &CreateDiskDialog::create);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &CreateDiskDialog::reject);
    check();
}

void CreateDiskDialog::check() {
    m_check->ask([folder = QFileInfo(m_path->path()).path(), sizeBytes = m_size->sizeBytes(),
                  allocation = m_preallocate->isChecked() ? DiskAllocation::Preallocated
                                                          : DiskAllocation::Dynamic] {
        return checkNewDisk(folder, sizeBytes, allocation);
    });
}

void CreateDiskDialog::updateButton() {
    m_buttons->button(QDialogButtonBox::Ok)
        ->setEnabled(!m_creation.isRunning() && m_check->isUsable() && !m_path->path().isEmpty());
}

void CreateDiskDialog::setBusy(bool busy) {
    for (QWidget* field : QList<QWidget*>{m_path, m_size, m_preallocate})
        field->setEnabled(!busy);
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(!busy);
    m_progress->setVisible(busy);
    m_progress->setValue(0);
}

void CreateDiskDialog::create() {
    const QString path = m_path->path();
    setBusy(true);
    m_creation = createRawDisk(path, m_size->sizeBytes(),
                               m_preallocate->isChecked() ? DiskAllocation::Preallocated
                                                          : DiskAllocation::Dynamic);
    auto* watcher = new QFutureWatcher<Result<void>>(this);
    connect(watcher, &QFutureWatcherBase::progressValueChanged, m_progress,
            &QProgressBar::setValue);
    connect(watcher, &QFutureWatcherBase::finished, this, [this, watcher, path] {
        watcher->deleteLater();
        m_creation = {};
        const Result<void> made = takeReply(watcher->future());
        if (made) {
            Q_EMIT
            created(path);
            accept();
            return;
        }
        setBusy(false);
        if (made.error().code == ErrorCode::Cancelled) {
            check();
            return;
        }
        const UserMessage text = describeError(Operation::CreateDisk, path, made.error());
        m_check->settle({}); // another attempt is allowed
        m_message->show(InlineMessage::Level::Error,
                        text.title + u' ' + (text.detail.isEmpty() ? text.body() : text.detail));
    });
    watcher->setFuture(m_creation);
}

void CreateDiskDialog::reject() {
    if (m_creation.isRunning())
        m_creation.cancel(); // stays open: the file is being removed
    else
        QDialog::reject();
}

} // namespace vivarium
