#include "ui/machine_settings/user_interface_page.h"

#include "ui/text/machine_text.h"

#include <QComboBox>
#include <QFormLayout>

namespace vivarium {

UserInterfacePage::UserInterfacePage(QWidget* parent)
    : SettingsPage(parent), m_closeAction(new QComboBox(this)) {
    for (CloseAction action :
         {CloseAction::Ask, CloseAction::KeepRunning, CloseAction::SaveState, CloseAction::Shutdown,
          CloseAction::PowerOff})
        m_closeAction->addItem(closeActionText(action), static_cast<int>(action));
    auto* form = new QFormLayout(this);
    form->addRow(tr("When the &window closes:"), m_closeAction);
    connect(m_closeAction, &QComboBox::currentIndexChanged, this, &SettingsPage::changed);
}

void UserInterfacePage::load(const Machine& machine) {
    m_closeAction->setCurrentIndex(
        m_closeAction->findData(static_cast<int>(machine.settings.closeAction)));
}

void UserInterfacePage::store(Machine& machine) const {
    machine.settings.closeAction = static_cast<CloseAction>(m_closeAction->currentData().toInt());
}

} // namespace vivarium
