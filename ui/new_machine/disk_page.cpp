#include "ui/new_machine/disk_page.h"

#include "ui/new_machine/path_check.h"
#include "ui/widgets/disk_size_field.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/path_field.h"

#include <QCheckBox>
#include <QFormLayout>
#include <QLineEdit>
#include <QRadioButton>
#include <QVBoxLayout>

namespace vivarium {

namespace {
constexpr int kIndent = 24;
}

DiskPage::DiskPage(const QString& mediaFolder, NewMachineDraft& draft, QWidget* parent)
    : WizardPage(draft, parent), m_create(new QRadioButton(this)), m_size(new DiskSizeField(this)),
      m_preallocate(new QCheckBox(this)), m_existing(new QRadioButton(this)),
      m_path(new PathField(PathField::Kind::OpenFile, this)), m_none(new QRadioButton(this)),
      m_message(new InlineMessage(this)) {
    setTitle(tr("Virtual Hard Disk"));
    setSubTitle(tr("What the guest is installed on. A live system needs none."));
    m_create->setText(tr("&Create a virtual hard disk now"));
    m_create->setObjectName(QStringLiteral("createDisk"));
    m_existing->setText(tr("&Use an existing virtual hard disk file"));
    m_existing->setObjectName(QStringLiteral("existingDisk"));
    m_none->setText(tr("&Do not add a virtual hard disk"));
    m_none->setObjectName(QStringLiteral("noDisk"));
    m_preallocate->setText(tr("&Pre-allocate full size"));
    m_preallocate->setToolTip(
        tr("Takes all the space now. Otherwise the file grows as the guest writes."));
    m_size->setObjectName(QStringLiteral("diskSize"));
    m_path->setDialog(tr("Choose a Hard Disk"), diskImageFilters());
    m_path->setStartFolder(mediaFolder);
    m_path->lineEdit()->setAccessibleName(tr("Choose a Hard Disk"));
    m_create->setChecked(true);

    auto* newDisk = new QFormLayout;
    newDisk->setContentsMargins(kIndent, 0, 0, 8);
    newDisk->addRow(tr("Disk &Size:"), m_size);
    newDisk->addRow(QString(), m_preallocate);
    auto* oldDisk = new QHBoxLayout;
    oldDisk->setContentsMargins(kIndent, 0, 0, 8);
    oldDisk->addWidget(m_path);
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(m_create);
    layout->addLayout(newDisk);
    layout->addWidget(m_existing);
    layout->addLayout(oldDisk);
    layout->addWidget(m_none);
    layout->addSpacing(8);
    layout->addWidget(m_message);
    layout->addStretch();
    m_check = new PathCheck(*m_message);
    connect(m_check, &PathCheck::changed, this, &QWizardPage::completeChanged);
    for (QRadioButton* button : {m_create, m_existing, m_none})
        connect(button, &QRadioButton::toggled, this, &DiskPage::check);
    connect(m_preallocate, &QCheckBox::toggled, this, &DiskPage::check);
    connect(m_size, &DiskSizeField::sizeChanged, this, &DiskPage::check);
    connect(m_path, &PathField::pathChanged, this, &DiskPage::check);
}

void DiskPage::suggestExisting(const QString& path) {
    m_existing->setChecked(true);
    m_path->setPath(path);
}

void DiskPage::initializePage() {
    m_size->setSizeBytes(draft().diskBytes);
    check();
}

void DiskPage::check() {
    m_size->setEnabled(m_create->isChecked());
    m_preallocate->setEnabled(m_create->isChecked());
    m_path->setEnabled(m_existing->isChecked());
    if (m_create->isChecked())
        m_check->ask([folder = draft().parentFolder, sizeBytes = m_size->sizeBytes(),
                      allocation = m_preallocate->isChecked() ? DiskAllocation::Preallocated
                                                              : DiskAllocation::Dynamic] {
            return checkNewDisk(folder, sizeBytes, allocation);
        });
    else if (m_existing->isChecked())
        m_check->ask([path = m_path->path()] { return checkExistingDisk(path); });
    else
        m_check->settle({});
}

bool DiskPage::isComplete() const {
    return m_check->isUsable();
}

bool DiskPage::validatePage() {
    using Disk = NewMachineDraft::Disk;
    NewMachineDraft& d = draft();
    d.disk = m_create->isChecked()     ? Disk::Create
             : m_existing->isChecked() ? Disk::Existing
                                       : Disk::None;
    if (d.disk == Disk::Create)
        d.diskBytes = m_size->sizeBytes();
    d.allocation =
        m_preallocate->isChecked() ? DiskAllocation::Preallocated : DiskAllocation::Dynamic;
    d.existingDisk = m_path->path();
    return true;
}

} // namespace vivarium
