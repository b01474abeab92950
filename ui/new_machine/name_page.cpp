#include "ui/new_machine/name_page.h"

#include "core/database/library.h"
#include "core/provision/guest_types.h"
#include "ui/new_machine/path_check.h"
#include "ui/text/error_text.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/guest_type_box.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/media_files.h"
#include "ui/widgets/path_field.h"

#include <QComboBox>
#include <QDir>
#include <QFileInfo>
#include <QFormLayout>
#include <QLineEdit>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kInspectionDelayMs = 250;
}

NamePage::NamePage(const Library& library, const QString& mediaFolder, NewMachineDraft& draft,
                   QWidget* parent)
    : WizardPage(draft, parent), m_library(library), m_name(new QLineEdit(this)),
      m_nameMessage(new InlineMessage(this)),
      m_folder(new PathField(PathField::Kind::Folder, this)),
      m_folderMessage(new InlineMessage(this)),
      m_image(new PathField(PathField::Kind::OpenFile, this)),
      m_imageMessage(new InlineMessage(this)), m_guestType(new QComboBox(this)) {
    setTitle(tr("Virtual Machine Name and Operating System"));
    setSubTitle(tr("Choose a name, and the image of the installation disk or live system that the "
                   "machine starts from."));
    m_name->setObjectName(QStringLiteral("name"));
    m_image->setObjectName(QStringLiteral("image"));
    m_guestType->setObjectName(QStringLiteral("guestType"));
    m_folder->setObjectName(QStringLiteral("folder"));
    m_folder->setDialog(tr("Choose the Folder of the Machine"), QString());
    m_folder->setPath(draft.parentFolder);
    m_image->setDialog(tr("Choose an Optical Disk"), opticalImageFilters());
    m_image->setStartFolder(mediaFolder);
    m_image->setPlaceholderText(tr("None: start from a disk, or choose one later"));
    fillGuestTypes(*m_guestType);
    selectGuestType(*m_guestType, draft.guestType);

    auto* form = new QFormLayout(this);
    form->addRow(tr("Na&me:"), m_name);
    form->addRow(QString(), m_nameMessage);
    form->addRow(tr("&Folder:"), m_folder);
    form->addRow(QString(), m_folderMessage);
    form->addRow(tr("&ISO Image:"), m_image);
    form->addRow(QString(), m_imageMessage);
    form->addRow(tr("&Type:"), m_guestType);

    m_folderCheck = new PathCheck(*m_folderMessage);
    connect(m_folderCheck, &PathCheck::changed, this, &QWizardPage::completeChanged);
    m_inspectionDelay.setSingleShot(true);
    m_inspectionDelay.setInterval(kInspectionDelayMs);
    connect(&m_inspectionDelay, &QTimer::timeout, this, &NamePage::inspectImage);
    connect(m_name, &QLineEdit::textChanged, this, [this] {
        checkName();
        checkFolder();
        suggestFromName();
    });
    connect(m_folder, &PathField::pathChanged, this, &NamePage::checkFolder);
    connect(m_image, &PathField::pathChanged, this, [this](const QString& path) {
        m_imageUsable = path.isEmpty();
        if (path.isEmpty())
            m_imageMessage->clear();
        else
            m_imageMessage->show(InlineMessage::Level::Hint, tr("Checking…"));
        m_inspectionDelay.start();
        Q_EMIT
        completeChanged();
    });
    connect(m_guestType, &QComboBox::activated, this, [this] { m_userChoseType = true; });
}

void NamePage::suggestImage(const QString& path) {
    m_image->setPath(path);
}

void NamePage::suggestName(const QString& name) {
    m_name->setText(name);
}

QString NamePage::parentFolder() const {
    return m_folder->path().isEmpty() ? draft().defaultFolder : m_folder->path();
}

void NamePage::checkName() {
    MachineSettings settings;
    settings.name = m_name->text();
    const QList<SettingsProblem> problems = validate(settings);
    const auto problem = std::find_if(problems.begin(), problems.end(),
                                      [](const SettingsProblem& p) { return p.field == u"name"; });
    const auto& machines = m_library.machines();
    const bool taken =
        std::any_of(machines.begin(), machines.end(), [&settings](const Machine& machine) {
            return machine.settings.name == settings.name;
        });
    if (problem != problems.end())
        m_nameMessage->show(InlineMessage::Level::Error, problemText(*problem));
    else if (taken)
        m_nameMessage->show(InlineMessage::Level::Error,
                            tr("There is already a machine with this name."));
    else
        m_nameMessage->clear();
    Q_EMIT
    completeChanged();
}

void NamePage::checkFolder() {
    const bool isDefault =
        QDir::cleanPath(parentFolder()) == QDir::cleanPath(draft().defaultFolder);
    m_folderCheck->ask([folder = parentFolder(), name = m_name->text(),
                        kind = isDefault ? ParentFolder::Default : ParentFolder::Chosen] {
        return checkMachineFolder(folder, name, kind);
    });
}

void NamePage::suggest(const QString& guestTypeId) {
    if (!m_userChoseType)
        selectGuestType(*m_guestType, guestTypeId);
}

void NamePage::suggestFromName() {
    if (m_imageSuggestedType)
        return;
    suggest(guessGuestType(m_name->text()).id);
}

void NamePage::inspectImage() {
    const QString path = m_image->path();
    m_inspectedPath = path;
    if (path.isEmpty()) {
        m_imageUsable = true;
        m_imageSuggestedType = false;
        m_imageMessage->clear();
        suggestFromName();
        Q_EMIT
        completeChanged();
        return;
    }
    whenReplied(this, inspectIso(path), [this, path](const Result<IsoInfo>& result) {
        if (path == m_inspectedPath)
            showInspection(result);
    });
}

void NamePage::showInspection(const Result<IsoInfo>& result) {
    m_imageUsable = result.has_value();
    if (!result) {
        const UserMessage text =
            describeError(Operation::ReadImage, m_inspectedPath, result.error());
        m_imageMessage->show(InlineMessage::Level::Error,
                             text.detail.isEmpty() ? text.reason : text.detail);
    } else if (result->truncated()) {
        m_imageMessage->show(InlineMessage::Level::Warning,
                             tr("The image is shorter than it says it is: the download may not be "
                                "complete."));
    } else if (!result->bootable && result->iso9660) {
        m_imageMessage->show(InlineMessage::Level::Warning,
                             tr("A machine cannot start from this image; it holds only files."));
    } else {
        const QString label = result->volumeId.trimmed();
        m_imageMessage->show(InlineMessage::Level::Hint,
                             label.isEmpty()
                                 ? sizeText(result->fileBytes)
                                 : tr("%1, %2").arg(label, sizeText(result->fileBytes)));
    }
    if (result) {
        m_imageSuggestedType = result->guestTypeId != u"other";
        if (m_imageSuggestedType)
            suggest(result->guestTypeId);
        if (m_name->text().isEmpty())
            m_name->setText(QFileInfo(m_inspectedPath).completeBaseName());
    }
    Q_EMIT
    completeChanged();
}

bool NamePage::isComplete() const {
    const bool nameIsBad =
        !m_nameMessage->text().isEmpty() && m_nameMessage->level() == InlineMessage::Level::Error;
    return !m_name->text().isEmpty() && !nameIsBad && m_folderCheck->isUsable() && m_imageUsable;
}

bool NamePage::validatePage() {
    NewMachineDraft& d = draft();
    d.name = m_name->text();
    d.parentFolder = parentFolder();
    d.isoPath = m_image->path();
    const QString type = m_guestType->currentData().toString();
    if (type != d.guestType) { // what the type likes; changes made by hand stay
        const GuestType& suggestion = guestType(type);
        d.guestType = type;
        d.memoryMiB = suggestion.memoryMiB;
        d.cpuCount = suggestion.cpuCount;
        d.diskBytes = quint64{suggestion.diskGiB} << 30;
        d.rtcLocalTime = suggestion.rtcLocalTime;
    }
    return true;
}

} // namespace vivarium
