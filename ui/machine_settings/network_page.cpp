#include "ui/machine_settings/network_page.h"

#include "core/model/mac_address_text.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/icons.h"

#include <QFormLayout>
#include <QGroupBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace vivarium {

namespace {

// Twelve digits, with colons, dashes or nothing between them. What is none is no card's address,
// which validate() refuses.
MacAddress typedAddress(QString text) {
    text.remove(u':').remove(u'-').remove(u' ');
    for (qsizetype at = text.size() - 2; at > 0; at -= 2)
        text.insert(at, u':');
    return MacAddress::parse(text.toStdString()).value_or(MacAddress());
}

} // namespace

NetworkPage::NetworkPage(QWidget* parent) : SettingsPage(parent), m_tabs(new QTabWidget(this)) {
    for (quint32 slot = 0; slot < NetworkCardSettings::kCount; ++slot)
        m_tabs->addTab(adapterTab(slot), tr("Adapter %1").arg(slot + 1));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_tabs);
}

QWidget* NetworkPage::adapterTab(quint32 slot) {
    auto* tab = new QWidget(m_tabs);
    Adapter adapter;
    adapter.box = new QGroupBox(tr("&Enable network adapter"), tab);
    adapter.box->setObjectName(QStringLiteral("adapter%1").arg(slot));
    adapter.box->setCheckable(true);
    adapter.box->setChecked(false);
    auto* attachment =
        new QLabel(tr("Not attached: the guest has the adapter, but no cable is plugged in. "
                      "Networks to attach it to are not part of this version."),
                   adapter.box);
    attachment->setWordWrap(true);
    adapter.macAddress = new QLineEdit(adapter.box);
    adapter.macAddress->setObjectName(QStringLiteral("macAddress%1").arg(slot));
    auto* renew = new QToolButton(adapter.box);
    renew->setIcon(applicationIcon(QStringLiteral("refresh")));
    renew->setAutoRaise(true);
    renew->setToolTip(tr("Makes a new random MAC address"));
    renew->setAccessibleName(tr("New MAC address"));
    auto* address = new QHBoxLayout;
    address->addWidget(adapter.macAddress);
    address->addWidget(renew);
    auto* form = new QFormLayout(adapter.box);
    form->addRow(tr("Attached to:"), attachment);
    form->addRow(tr("Adapter Type:"), new QLabel(networkCardTypeText(), adapter.box));
    form->addRow(tr("&MAC Address:"), address);
    qobject_cast<QLabel*>(form->labelForField(address))->setBuddy(adapter.macAddress);
    auto* layout = new QVBoxLayout(tab);
    layout->addWidget(adapter.box);
    layout->addStretch();
    m_adapters.append(adapter);
    const auto setNewAddress = [field = adapter.macAddress] {
        field->setText(macAddressText(MacAddress::random()));
    };
    connect(adapter.box, &QGroupBox::toggled, this, [this, adapter, setNewAddress](bool enabled) {
        if (enabled && adapter.macAddress->text().isEmpty())
            setNewAddress();
        Q_EMIT
        changed();
    });
    connect(renew, &QToolButton::clicked, this, setNewAddress);
    connect(adapter.macAddress, &QLineEdit::textChanged, this, &SettingsPage::changed);
    return tab;
}

void NetworkPage::load(const Machine& machine) {
    const auto& cards = machine.settings.networkCards;
    for (quint32 slot = 0; slot < NetworkCardSettings::kCount; ++slot) {
        const Adapter& adapter = m_adapters.at(slot);
        const auto card = std::find_if(cards.begin(), cards.end(),
                                       [slot](const auto& other) { return other.slot == slot; });
        const bool present = card != cards.end();
        adapter.macAddress->setText(present ? macAddressText(card->macAddress) : QString());
        adapter.box->setChecked(present);
    }
}

void NetworkPage::store(Machine& machine) const {
    machine.settings.networkCards.clear();
    for (quint32 slot = 0; slot < NetworkCardSettings::kCount; ++slot) {
        const Adapter& adapter = m_adapters.at(slot);
        if (adapter.box->isChecked())
            machine.settings.networkCards.append({slot, typedAddress(adapter.macAddress->text())});
    }
}

void NetworkPage::setLiveness(Liveness liveness) {
    for (const Adapter& adapter : std::as_const(m_adapters))
        adapter.box->setEnabled(liveness == Liveness::Stopped);
}

} // namespace vivarium
