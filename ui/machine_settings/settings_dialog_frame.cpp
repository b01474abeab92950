#include "ui/machine_settings/settings_dialog_frame.h"

#include "ui/widgets/icons.h"
#include "ui/widgets/inline_message.h"

#include <QDialogButtonBox>
#include <QGridLayout>
#include <QLabel>
#include <QListWidget>
#include <QStackedWidget>

namespace vivarium {

SettingsDialogFrame::SettingsDialogFrame(QWidget* parent)
    : QDialog(parent), m_sections(new QListWidget(this)), m_title(new QLabel(this)),
      m_pages(new QStackedWidget(this)), m_message(new InlineMessage(this)),
      m_buttons(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this)) {
    m_sections->setIconSize(QSize(24, 24));
    m_sections->setSpacing(2);
    m_sections->setAccessibleName(tr("Sections"));
    QFont large = m_title->font();
    large.setBold(true);
    large.setPointSizeF(large.pointSizeF() * 1.2);
    m_title->setFont(large);
    auto* layout = new QGridLayout(this);
    layout->addWidget(m_sections, 0, 0, 2, 1);
    layout->addWidget(m_title, 0, 1);
    layout->addWidget(m_pages, 1, 1);
    layout->addWidget(m_message, 2, 0, 1, 2);
    layout->addWidget(m_buttons, 3, 0, 1, 2);
    layout->setColumnStretch(1, 1);
    layout->setRowStretch(1, 1);
    connect(m_sections, &QListWidget::currentRowChanged, this, [this](int row) {
        if (row < 0)
            return;
        m_pages->setCurrentIndex(row);
        m_title->setText(m_sections->item(row)->text());
    });
    connect(m_buttons, &QDialogButtonBox::accepted, this, [this] { apply(); });
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    resize(720, 480);
}

void SettingsDialogFrame::addPage(const QString& iconName, const QString& title, QWidget* page) {
    m_sections->addItem(new QListWidgetItem(applicationIcon(iconName), title));
    m_pages->addWidget(page);
    m_sections->setFixedWidth(m_sections->sizeHintForColumn(0) + 24);
    if (m_sections->count() == 1)
        m_sections->setCurrentRow(0);
}

void SettingsDialogFrame::showPage(int index) {
    m_sections->setCurrentRow(index);
}

int SettingsDialogFrame::currentPage() const {
    return m_sections->currentRow();
}

} // namespace vivarium
