#include "ui/new_machine/summary_page.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/guest_type_box.h"
#include "ui/widgets/inline_message.h"

#include <QDir>
#include <QLabel>
#include <QProgressBar>
#include <QVBoxLayout>

namespace vivarium {

SummaryPage::SummaryPage(NewMachineDraft& draft, QWidget* parent)
    : WizardPage(draft, parent), m_summary(new QLabel(this)), m_progress(new QProgressBar(this)),
      m_message(new InlineMessage(this)) {
    setTitle(tr("Summary"));
    setSubTitle(tr("The machine is made as follows."));
    m_summary->setTextFormat(Qt::RichText);
    m_summary->setWordWrap(true);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_progress->setRange(0, 1000);
    m_progress->hide();
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(m_summary);
    layout->addStretch();
    layout->addWidget(m_message);
    layout->addWidget(m_progress);
}

void SummaryPage::initializePage() {
    using Disk = NewMachineDraft::Disk;
    const NewMachineDraft& d = draft();
    QString disk;
    switch (d.disk) {
    case Disk::Create:
        disk = d.allocation == DiskAllocation::Preallocated
                   ? tr("%1, pre-allocated").arg(sizeText(d.diskBytes))
                   : tr("%1, dynamically allocated").arg(sizeText(d.diskBytes));
        break;
    case Disk::Existing:
        disk = d.existingDisk;
        break;
    case Disk::None:
        disk = tr("None");
        break;
    }
    const std::pair<QString, QString> lines[] = {
        {tr("Name:"), d.name},
        {tr("Folder:"), QDir(d.parentFolder).filePath(d.name)},
        {tr("Type:"), guestTypeText(d.guestType)},
        {tr("ISO Image:"), d.isoPath.isEmpty() ? tr("None") : d.isoPath},
        {tr("Base Memory:"), memoryText(d.memoryMiB)},
        {tr("Processors:"), QString::number(d.cpuCount)},
        {tr("Hard Disk:"), disk},
    };
    QString html = QStringLiteral("<table cellpadding='3'>");
    for (const auto& [name, value] : lines)
        html += QStringLiteral("<tr><td style='padding-right:16px'>%1</td><td><b>%2</b></td></tr>")
                    .arg(name.toHtmlEscaped(), value.toHtmlEscaped());
    m_summary->setText(html + QStringLiteral("</table>"));
    m_message->clear();
}

void SummaryPage::showProgress(int permille) {
    m_message->clear();
    m_progress->setValue(permille);
    m_progress->show();
}

void SummaryPage::hideProgress() {
    m_progress->hide();
}

void SummaryPage::showProblem(const QString& text) {
    m_message->show(InlineMessage::Level::Error, text);
}

} // namespace vivarium
