#include "ui/machine_settings/preferences_dialog.h"

#include "ui/machine_settings/host_key_field.h"
#include "ui/text/error_text.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/path_field.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QFormLayout>
#include <QLabel>
#include <QLocale>
#include <QStandardPaths>

namespace vivarium {

PreferencesDialog::PreferencesDialog(CurrentPreferences& preferences, QWidget* parent)
    : SettingsDialogFrame(parent), m_preferences(preferences) {
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowTitle(tr("Preferences"));
    addPage(QStringLiteral("section-general"), tr("General"), generalPage());
    addPage(QStringLiteral("section-input"), tr("Input"), inputPage());
    addPage(QStringLiteral("section-language"), tr("Language"), languagePage());
    resize(620, 360);
}

QWidget* PreferencesDialog::generalPage() {
    auto* page = new QWidget(this);
    const Preferences& now = m_preferences.value();
    m_machinesFolder = new PathField(PathField::Kind::Folder, page);
    m_machinesFolder->setDialog(tr("Choose the Folder of New Machines"), QString());
    m_machinesFolder->setPath(now.machinesFolder);
    m_machinesFolder->setPlaceholderText(m_preferences.paths().machines);
    m_mediaFolder = new PathField(PathField::Kind::Folder, page);
    m_mediaFolder->setDialog(tr("Choose the Folder of Disk Images"), QString());
    m_mediaFolder->setPath(now.mediaFolder);
    m_mediaFolder->setPlaceholderText(QDir::homePath());
    m_screenshotsFolder = new PathField(PathField::Kind::Folder, page);
    m_screenshotsFolder->setDialog(tr("Choose the Folder of Screenshots"), QString());
    m_screenshotsFolder->setPath(now.screenshotsFolder);
    m_screenshotsFolder->setPlaceholderText(
        QStandardPaths::writableLocation(QStandardPaths::PicturesLocation));
    m_confirmClosing =
        new QCheckBox(tr("&Ask what to do when the window of a running machine closes"), page);
    m_confirmClosing->setChecked(now.confirmClosing);
    m_saveAtSessionEnd =
        new QCheckBox(tr("Sa&ve the running machines when the desktop session ends"), page);
    m_saveAtSessionEnd->setToolTip(
        tr("As long as Vivarium is open. The machines go on where they were when they are started "
           "again; at a shutdown the system waits some seconds for what is being saved."));
    m_saveAtSessionEnd->setChecked(now.saveAtSessionEnd);
    auto* form = new QFormLayout(page);
    form->addRow(tr("&Machine Folder:"), m_machinesFolder);
    form->addRow(tr("&Disk Image Folder:"), m_mediaFolder);
    form->addRow(tr("&Screenshot Folder:"), m_screenshotsFolder);
    form->addRow(QString(), m_confirmClosing);
    form->addRow(QString(), m_saveAtSessionEnd);
    auto* note = new QLabel(tr("Colours and light or dark appearance follow the desktop."), page);
    note->setForegroundRole(QPalette::PlaceholderText);
    note->setWordWrap(true);
    form->addRow(QString(), note);
    return page;
}

QWidget* PreferencesDialog::inputPage() {
    auto* page = new QWidget(this);
    const Preferences& now = m_preferences.value();
    m_hostKey = new HostKeyField(page);
    m_hostKey->setKeyName(now.hostKey);
    m_autoCapture =
        new QCheckBox(tr("&Capture the keyboard when a machine's window is used"), page);
    m_autoCapture->setToolTip(tr("Shortcuts of the desktop such as Alt+Tab go to the guest then"));
    m_autoCapture->setChecked(now.autoCaptureKeyboard);
    auto* form = new QFormLayout(page);
    form->addRow(tr("&Host Key:"), m_hostKey);
    form->addRow(QString(), m_autoCapture);
    auto* note = new QLabel(tr("The host key gives mouse and keyboard back to this computer. Left "
                               "Ctrl and Left Alt, pressed together, do so as well."),
                            page);
    note->setWordWrap(true);
    note->setForegroundRole(QPalette::PlaceholderText);
    form->addRow(QString(), note);
    return page;
}

QWidget* PreferencesDialog::languagePage() {
    auto* page = new QWidget(this);
    m_language = new QComboBox(page);
    m_language->addItem(tr("As the desktop"), QString());
    QStringList codes{QStringLiteral("en")};
    const QStringList files =
        QDir(QStringLiteral(":/i18n")).entryList({QStringLiteral("vivarium_*.qm")});
    for (const QString& file : files)
        codes << file.mid(9).chopped(3); // between "vivarium_" and ".qm"
    for (const QString& code : std::as_const(codes)) {
        QString name = QLocale(code).nativeLanguageName();
        name[0] = name.at(0).toUpper();
        m_language->addItem(name, code);
    }
    m_language->setCurrentIndex(qMax(0, m_language->findData(m_preferences.value().language)));
    auto* form = new QFormLayout(page);
    form->addRow(tr("&Language:"), m_language);
    return page;
}

void PreferencesDialog::apply() {
    Preferences changed = m_preferences.value();
    changed.machinesFolder = m_machinesFolder->path();
    changed.mediaFolder = m_mediaFolder->path();
    changed.screenshotsFolder = m_screenshotsFolder->path();
    changed.confirmClosing = m_confirmClosing->isChecked();
    changed.saveAtSessionEnd = m_saveAtSessionEnd->isChecked();
    changed.hostKey = m_hostKey->keyName();
    changed.autoCaptureKeyboard = m_autoCapture->isChecked();
    changed.language = m_language->currentData().toString();
    if (const Result<void> saved = m_preferences.set(changed); !saved) {
        const UserMessage text =
            describeError(Operation::SaveSettings, tr("Preferences"), saved.error());
        message()->show(InlineMessage::Level::Error, text.title + u' ' + text.body());
        return;
    }
    accept();
}

} // namespace vivarium
