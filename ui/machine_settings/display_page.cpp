#include "ui/machine_settings/display_page.h"

#include "ui/text/machine_text.h"

#include <QComboBox>
#include <QFormLayout>
#include <QGroupBox>
#include <QLabel>
#include <QLineEdit>
#include <QSpinBox>
#include <QTabWidget>
#include <QVBoxLayout>

namespace vivarium {

namespace {
constexpr int kVncPasswordLength = 8; // VNC authentication uses no more (RFC 6143, 7.2.2)
}

DisplayPage::DisplayPage(QWidget* parent)
    : SettingsPage(parent), m_tabs(new QTabWidget(this)), m_videoMemory(new QComboBox(this)),
      m_scaleMode(new QComboBox(this)),
      m_vnc(new QGroupBox(tr("&Enable the remote display (VNC)"), this)),
      m_address(new QLineEdit(this)), m_port(new QSpinBox(this)), m_password(new QLineEdit(this)) {
    for (quint32 size = 1; size <= 256; size *= 2)
        m_videoMemory->addItem(memoryText(size), size);
    for (ScaleMode mode : {ScaleMode::Fit, ScaleMode::OneToOne, ScaleMode::Integer})
        m_scaleMode->addItem(scaleModeText(mode), static_cast<int>(mode));
    auto* screen = new QWidget(this);
    auto* screenForm = new QFormLayout(screen);
    screenForm->addRow(tr("&Video Memory:"), m_videoMemory);
    screenForm->addRow(tr("&Scaling:"), m_scaleMode);
    m_tabs->addTab(screen, tr("Screen"));

    m_vnc->setCheckable(true);
    m_vnc->setChecked(false);
    m_address->setPlaceholderText(QStringLiteral("127.0.0.1"));
    m_port->setRange(0, 65535);
    m_port->setSpecialValueText(tr("First free from 5900"));
    m_password->setEchoMode(QLineEdit::PasswordEchoOnEdit);
    m_password->setMaxLength(kVncPasswordLength);
    m_password->setPlaceholderText(tr("None"));
    auto* vncForm = new QFormLayout(m_vnc);
    vncForm->addRow(tr("&Address:"), m_address);
    vncForm->addRow(tr("&Port:"), m_port);
    vncForm->addRow(tr("Pass&word:"), m_password);
    auto* note = new QLabel(tr("127.0.0.1 is reachable from this computer only. Other computers "
                               "can connect to 0.0.0.0: set a password then. “unix:/path” is a "
                               "Unix socket."),
                            m_vnc);
    note->setWordWrap(true);
    vncForm->addRow(note);
    auto* remote = new QWidget(this);
    auto* remoteLayout = new QVBoxLayout(remote);
    remoteLayout->addWidget(m_vnc);
    remoteLayout->addStretch();
    m_tabs->addTab(remote, tr("Remote Display"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_tabs);

    for (QComboBox* box : {m_videoMemory, m_scaleMode})
        connect(box, &QComboBox::currentIndexChanged, this, &SettingsPage::changed);
    connect(m_vnc, &QGroupBox::toggled, this, &SettingsPage::changed);
    connect(m_port, &QSpinBox::valueChanged, this, &SettingsPage::changed);
    for (QLineEdit* edit : {m_address, m_password})
        connect(edit, &QLineEdit::textChanged, this, &SettingsPage::changed);
}

void DisplayPage::load(const Machine& machine) {
    const MachineSettings& settings = machine.settings;
    int memory = m_videoMemory->findData(settings.videoMemoryMiB);
    if (memory < 0) {
        m_videoMemory->addItem(memoryText(settings.videoMemoryMiB), settings.videoMemoryMiB);
        memory = m_videoMemory->count() - 1;
    }
    m_videoMemory->setCurrentIndex(memory);
    m_scaleMode->setCurrentIndex(m_scaleMode->findData(static_cast<int>(settings.scaleMode)));
    m_vnc->setChecked(settings.vnc.enabled);
    m_address->setText(settings.vnc.address);
    m_port->setValue(static_cast<int>(settings.vnc.port));
    m_password->setText(settings.vnc.password);
}

void DisplayPage::store(Machine& machine) const {
    MachineSettings& settings = machine.settings;
    settings.videoMemoryMiB = m_videoMemory->currentData().toUInt();
    settings.scaleMode = static_cast<ScaleMode>(m_scaleMode->currentData().toInt());
    settings.vnc.enabled = m_vnc->isChecked();
    settings.vnc.address =
        m_address->text().trimmed().isEmpty() ? VncSettings().address : m_address->text().trimmed();
    settings.vnc.port = static_cast<quint32>(m_port->value());
    settings.vnc.password = m_password->text();
}

void DisplayPage::setLiveness(Liveness liveness) {
    const bool stopped = liveness == Liveness::Stopped;
    m_videoMemory->setEnabled(stopped);
    m_vnc->setEnabled(stopped);
}

} // namespace vivarium
