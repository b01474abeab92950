#include "ui/new_machine/new_machine_wizard.h"

#include "ui/new_machine/disk_page.h"
#include "ui/new_machine/hardware_page.h"
#include "ui/new_machine/machine_creation.h"
#include "ui/new_machine/name_page.h"
#include "ui/new_machine/summary_page.h"
#include "ui/text/error_text.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/media_files.h"

#include <QAbstractButton>
#include <QFileInfo>

namespace vivarium {

NewMachineWizard::NewMachineWizard(Library& library, const CurrentPreferences& preferences,
                                   const QString& group, QWidget* parent)
    : QWizard(parent), m_library(library) {
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowTitle(tr("Create Virtual Machine"));
    setWizardStyle(QWizard::ModernStyle);
    setOption(QWizard::NoBackButtonOnStartPage);
    setPixmap(QWizard::LogoPixmap, applicationIcon(QStringLiteral("machine-new")).pixmap(40, 40));
    m_draft.group = group;
    m_draft.defaultFolder = preferences.machinesFolder();
    m_draft.parentFolder = m_draft.defaultFolder;
    const QString media = mediaFolder(preferences.value());
    m_namePage = new NamePage(library, media, m_draft, this);
    addPage(m_namePage);
    addPage(new HardwarePage(m_draft, this));
    m_diskPage = new DiskPage(media, m_draft, this);
    addPage(m_diskPage);
    m_summary = new SummaryPage(m_draft, this);
    addPage(m_summary);
    resize(640, 460);
}

void NewMachineWizard::suggestImage(const QString& path) {
    m_namePage->suggestImage(path);
}

void NewMachineWizard::suggestDisk(const QString& path) {
    m_namePage->suggestName(QFileInfo(path).completeBaseName());
    m_diskPage->suggestExisting(path);
}

void NewMachineWizard::setBusy(bool busy) {
    button(QWizard::FinishButton)->setEnabled(!busy);
    button(QWizard::BackButton)->setEnabled(!busy);
    if (busy)
        m_summary->showProgress(0);
    else
        m_summary->hideProgress();
}

void NewMachineWizard::accept() {
    if (m_creation)
        return;
    setBusy(true);
    m_creation = new MachineCreation(m_library, m_draft, this);
    connect(m_creation, &MachineCreation::progress, m_summary, &SummaryPage::showProgress);
    connect(m_creation, &MachineCreation::finished, this, [this](const MachineId& id) {
        Q_EMIT
        created(id);
        QWizard::accept();
    });
    connect(m_creation, &MachineCreation::failed, this, &NewMachineWizard::showFailure);
    m_creation->start();
}

void NewMachineWizard::showFailure(const Error& error, Operation operation,
                                   const QString& subject) {
    m_creation->deleteLater();
    m_creation = nullptr;
    setBusy(false);
    if (error.code == ErrorCode::Cancelled)
        return;
    const UserMessage text = describeError(operation, subject, error);
    m_summary->showProblem(text.title + u' ' + (text.detail.isEmpty() ? text.body() : text.detail));
}

void NewMachineWizard::reject() {
    if (m_creation)
        m_creation->cancel(); // the wizard stays until everything is undone
    else
        QWizard::reject();
}

} // namespace vivarium
