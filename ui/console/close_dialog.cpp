#include "ui/console/close_dialog.h"

#include "ui/widgets/icons.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QGridLayout>
#include <QLabel>
#include <QRadioButton>
#include <QVBoxLayout>

namespace vivarium {

CloseDialog::CloseDialog(const QString& machineName, Guest guest, QWidget* parent)
    : QDialog(parent), m_question(new QLabel(this)), m_keepRunning(new QRadioButton(this)),
      m_saveState(new QRadioButton(this)), m_shutdown(new QRadioButton(this)),
      m_powerOff(new QRadioButton(this)), m_remember(new QCheckBox(this)) {
    m_question->setTextFormat(Qt::PlainText);
    m_question->setWordWrap(true);
    auto* grid = new QGridLayout;
    const auto addRow = [&](int row, QRadioButton* button, const QString& icon) {
        auto* picture = new QLabel(this);
        picture->setPixmap(applicationIcon(icon).pixmap(24, 24));
        grid->addWidget(picture, row, 0);
        grid->addWidget(button, row, 1);
    };
    addRow(0, m_keepRunning, QStringLiteral("state-running"));
    addRow(1, m_saveState, QStringLiteral("state-saved"));
    addRow(2, m_shutdown, QStringLiteral("machine-shutdown"));
    addRow(3, m_powerOff, QStringLiteral("machine-power-off"));
    grid->setColumnStretch(1, 1);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(m_question);
    layout->addLayout(grid);
    layout->addSpacing(8);
    layout->addWidget(m_remember);
    layout->addWidget(buttons);
    layout->setSizeConstraint(QLayout::SetFixedSize);
    m_keepRunning->setChecked(true);
    m_saveState->setObjectName(QStringLiteral("saveState"));
    m_shutdown->setEnabled(guest == Guest::Running);
    retranslate(machineName);
}

CloseAction CloseDialog::action() const {
    if (m_saveState->isChecked())
        return CloseAction::SaveState;
    if (m_shutdown->isChecked())
        return CloseAction::Shutdown;
    return m_powerOff->isChecked() ? CloseAction::PowerOff : CloseAction::KeepRunning;
}

bool CloseDialog::remember() const {
    return m_remember->isChecked();
}

void CloseDialog::retranslate(const QString& machineName) {
    setWindowTitle(tr("Close Virtual Machine"));
    m_question->setText(tr("What should happen to “%1”?").arg(machineName));
    m_keepRunning->setText(tr("&Keep running in the background"));
    m_keepRunning->setToolTip(tr("The guest goes on; “Show” in the main window opens it again"));
    m_saveState->setText(tr("Sa&ve the machine state"));
    m_saveState->setToolTip(
        tr("The machine stops; when it is started again it goes on exactly where it was"));
    m_shutdown->setText(tr("&Send the shutdown signal"));
    m_shutdown->setToolTip(
        tr("As if the power button was pressed: the guest shuts down by itself"));
    m_powerOff->setText(tr("&Power off the machine"));
    m_powerOff->setToolTip(tr("Cuts the power: what the guest has not saved is lost"));
    m_remember->setText(tr("Do this always for this machine"));
    m_remember->setToolTip(tr("Can be changed in the settings, section User Interface"));
}

} // namespace vivarium
