#include "ui/machine_settings/serial_ports_page.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/path_field.h"

#include <QComboBox>
#include <QFormLayout>
#include <QGroupBox>
#include <QTabWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace vivarium {

namespace {

constexpr quint32 kPortCount = 4;
constexpr const char* kResources[kPortCount] = {"0x3F8, IRQ 4", "0x2F8, IRQ 3", "0x3E8, IRQ 4",
                                                "0x2E8, IRQ 3"};

bool needsPath(SerialMode mode) {
    return mode == SerialMode::File || mode == SerialMode::Socket;
}

} // namespace

SerialPortsPage::SerialPortsPage(QWidget* parent)
    : SettingsPage(parent), m_tabs(new QTabWidget(this)) {
    for (quint32 number = 0; number < kPortCount; ++number)
        m_tabs->addTab(portTab(number), tr("Port %1").arg(number + 1));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_tabs);
}

QWidget* SerialPortsPage::portTab(quint32 number) {
    auto* tab = new QWidget(m_tabs);
    Port port;
    port.box = new QGroupBox(tr("&Enable serial port %1 (COM%1: %2)")
                                 .arg(number + 1)
                                 .arg(QString::fromLatin1(kResources[number])),
                             tab);
    port.box->setCheckable(true);
    port.box->setChecked(false);
    port.mode = new QComboBox(port.box);
    for (SerialMode mode :
         {SerialMode::Disconnected, SerialMode::Console, SerialMode::File, SerialMode::Socket})
        port.mode->addItem(serialModeText(mode), static_cast<int>(mode));
    port.mode->setItemData(1, tr("Kept in memory; “viv serial” shows it and types into it"),
                           Qt::ToolTipRole);
    port.path = new PathField(PathField::Kind::SaveFile, port.box);
    port.path->setDialog(tr("Choose a File"), tr("All files (*)"));
    auto* form = new QFormLayout(port.box);
    form->addRow(tr("Port &Mode:"), port.mode);
    form->addRow(tr("&Path:"), port.path);
    auto* layout = new QVBoxLayout(tab);
    layout->addWidget(port.box);
    layout->addStretch();
    m_ports.append(port);
    connect(port.box, &QGroupBox::toggled, this, &SettingsPage::changed);
    connect(port.mode, &QComboBox::currentIndexChanged, this, [this, port] {
        updatePath(port);
        Q_EMIT
        changed();
    });
    connect(port.path, &PathField::pathChanged, this, &SettingsPage::changed);
    return tab;
}

void SerialPortsPage::updatePath(const Port& port) {
    const auto mode = static_cast<SerialMode>(port.mode->currentData().toInt());
    port.path->setEnabled(port.box->isChecked() && needsPath(mode));
    port.path->setPlaceholderText(mode == SerialMode::Socket ? tr("Path of a Unix socket to make")
                                                             : QString());
}

void SerialPortsPage::load(const Machine& machine) {
    for (quint32 number = 0; number < kPortCount; ++number) {
        const Port& port = m_ports.at(number);
        const auto& list = machine.settings.serialPorts;
        const auto found = std::find_if(list.begin(), list.end(), [number](const auto& settings) {
            return settings.port == number;
        });
        port.box->setChecked(found != list.end());
        const SerialPortSettings settings = found != list.end() ? *found : SerialPortSettings();
        port.mode->setCurrentIndex(port.mode->findData(static_cast<int>(settings.mode)));
        port.path->setPath(settings.path);
        updatePath(port);
    }
}

void SerialPortsPage::store(Machine& machine) const {
    machine.settings.serialPorts.clear();
    for (quint32 number = 0; number < kPortCount; ++number) {
        const Port& port = m_ports.at(number);
        if (!port.box->isChecked())
            continue;
        SerialPortSettings settings;
        settings.port = number;
        settings.mode = static_cast<SerialMode>(port.mode->currentData().toInt());
        if (needsPath(settings.mode))
            settings.path = port.path->path();
        machine.settings.serialPorts.append(settings);
    }
}

void SerialPortsPage::setLiveness(Liveness liveness) {
    for (const Port& port : std::as_const(m_ports))
        port.box->setEnabled(liveness == Liveness::Stopped);
}

} // namespace vivarium
