#include "ui/details/details_view.h"

#include "core/database/library.h"
#include "core/model/mac_address_text.h"
#include "core/supervisor/supervisor.h"
#include "ui/details/guest_preview.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/disk_names.h"
#include "ui/widgets/guest_type_box.h"
#include "ui/widgets/settings_page_id.h"

#include <QEvent>
#include <QGridLayout>

namespace vivarium {

DetailsView::DetailsView(Library& library, Supervisor& supervisor, GuestDisplays& displays,
                         QWidget* parent)
    : QScrollArea(parent), m_library(library), m_diskNames(new DiskNames(library, this)),
      m_supervisor(supervisor) {
    setFrameShape(QFrame::NoFrame);
    setWidgetResizable(true);
    auto* content = new QWidget(this);
    const auto section = [&](const char16_t* icon, SettingsPageId page) {
        auto* box = new DetailsSection(QString::fromUtf16(icon), content);
        connect(box, &DetailsSection::titleClicked, this, [this, page] {
            Q_EMIT
            settingsRequested(static_cast<int>(page));
        });
        return box;
    };
    m_general = section(u"section-general", SettingsPageId::General);
    m_system = section(u"section-system", SettingsPageId::System);
    m_display = section(u"section-display", SettingsPageId::Display);
    m_storage = section(u"section-storage", SettingsPageId::Storage);
    m_network = section(u"section-network", SettingsPageId::Network);
    m_serialPorts = section(u"section-serial", SettingsPageId::SerialPorts);
    m_notes = section(u"section-notes", SettingsPageId::General);
    m_preview = new GuestPreview(displays, supervisor, content);
    connect(m_preview, &GuestPreview::activated, this, &DetailsView::activated);

    auto* grid = new QGridLayout(content);
    grid->setContentsMargins(8, 8, 8, 8);
    grid->setSpacing(8);
    grid->addWidget(m_general, 0, 0);
    grid->addWidget(m_preview, 0, 1, 2, 1, Qt::AlignTop);
    grid->addWidget(m_system, 1, 0);
    grid->addWidget(m_display, 2, 0, 1, 2);
    grid->addWidget(m_storage, 3, 0, 1, 2);
    grid->addWidget(m_network, 4, 0, 1, 2);
    grid->addWidget(m_serialPorts, 5, 0, 1, 2);
    grid->addWidget(m_notes, 6, 0, 1, 2);
    grid->setRowStretch(7, 1);
    grid->setColumnStretch(0, 3);
    grid->setColumnStretch(1, 2);
    m_preview->setMaximumWidth(360);
    setWidget(content);

    connect(&library, &Library::machineChanged, this, [this](int index) {
        if (m_library.machines().at(index).id == m_machine)
            refresh();
    });
    connect(&supervisor, &Supervisor::statusChanged, this, [this](const MachineId& id) {
        if (id == m_machine)
            refresh();
    });
    connect(m_diskNames, &DiskNames::learned, this, [this] {
        if (const Machine* machine = m_library.find(m_machine))
            showStorage(*machine);
    });
    retranslate();
}

void DetailsView::setMachine(const MachineId& id) {
    if (id == m_machine)
        return;
    m_machine = id;
    refresh();
}

QString DetailsView::plainText() const {
    QStringList parts;
    for (const DetailsSection* section :
         {m_general, m_system, m_display, m_storage, m_network, m_serialPorts, m_notes})
        parts << section->plainText();
    return parts.join(u'\n');
}

void DetailsView::refresh() {
    const Machine* machine = m_library.find(m_machine);
    m_preview->setMachine(machine ? machine->id : MachineId(),
                          machine ? machine->settings.name : QString());
    if (!machine)
        return;
    showGeneral(*machine);
    showSystem(*machine);
    showDisplay(*machine);
    showStorage(*machine);
    showNetworkCards(*machine);
    showSerialPorts(*machine);
    showNotes(*machine);
}

void DetailsView::showGeneral(const Machine& machine) {
    QList<DetailsSection::Line> lines{
        {tr("Name:"), machine.settings.name},
        {tr("Operating System:"), guestTypeText(machine.settings.guestType)},
        {tr("State:"),
         machine.isTemplate ? tr("Template") : stateText(m_supervisor.status(machine.id).state)},
    };
    if (!machine.group.isEmpty())
        lines.append({tr("Group:"), machine.group});
    if (!machine.tags.isEmpty())
        lines.append({tr("Tags:"), machine.tags.join(QStringLiteral(", "))});
    lines.append({tr("Settings Folder:"), machine.folder});
    m_general->setLines(lines);
}

void DetailsView::showSystem(const Machine& machine) {
    const MachineSettings& settings = machine.settings;
    QStringList boot;
    for (BootDevice device : settings.bootOrder)
        if (device != BootDevice::None)
            boot << bootDeviceText(device);
    QList<DetailsSection::Line> lines{
        {tr("Base Memory:"), memoryText(settings.memoryMiB)},
        {tr("Processors:"), QString::number(settings.cpuCount)},
    };
    if (settings.directBoot.kernelPath.isEmpty()) {
        lines.append({tr("Boot Order:"), boot.join(QStringLiteral(", "))});
        lines.append({tr("Firmware:"), firmwareText(settings.firmware)});
    } else {
        lines.append({tr("Kernel:"), settings.directBoot.kernelPath});
        if (!settings.directBoot.commandLine.isEmpty())
            lines.append({tr("Command Line:"), settings.directBoot.commandLine});
    }
    lines.append({tr("Acceleration:"), acceleratorText(settings.accelerator)});
    m_system->setLines(lines);
}

void DetailsView::showDisplay(const Machine& machine) {
    const MachineSettings& settings = machine.settings;
    QString remote = tr("Disabled");
    if (settings.vnc.enabled) {
        const QString address = m_supervisor.vncAddress(machine.id);
        remote = address.isEmpty() ? tr("Enabled, when the machine runs") : address;
    }
    m_display->setLines({
        {tr("Video Memory:"), memoryText(settings.videoMemoryMiB)},
        {tr("Scaling:"), scaleModeText(settings.scaleMode)},
        {tr("Remote Display (VNC):"), remote},
    });
}

void DetailsView::showStorage(const Machine& machine) {
    QList<DetailsSection::Line> lines;
    QStringList files;
    for (const DriveSettings& drive : machine.settings.drives) {
        const QString port = tr("%1:").arg(drivePlaceText(drive));
        const QString file = m_diskNames->name(drive.path);
        if (!drive.path.isEmpty())
            files << tr("%1: %2", "place of a drive: its file")
                         .arg(drivePlaceText(drive), drive.path);
        if (drive.type == DriveType::Optical)
            lines.append({port, drive.path.isEmpty() ? tr("[Optical Drive] Empty")
                                                     : tr("[Optical Drive] %1").arg(file)});
        else if (drive.readOnly)
            lines.append({port, tr("%1 (read-only)").arg(file)});
        else
            lines.append({port, file});
    }
    if (lines.isEmpty())
        lines.append({QString(), tr("No drives")});
    m_storage->setLines(lines);
    m_storage->setDetail(files.join(u'\n'));
}

void DetailsView::showNetworkCards(const Machine& machine) {
    QList<DetailsSection::Line> lines;
    for (const NetworkCardSettings& card : machine.settings.networkCards)
        lines.append({tr("Adapter %1:").arg(card.slot + 1),
                      tr("%1, not attached, %2")
                          .arg(networkCardTypeText(), macAddressText(card.macAddress))});
    if (lines.isEmpty())
        lines.append({QString(), tr("Disabled")});
    m_network->setLines(lines);
}

void DetailsView::showSerialPorts(const Machine& machine) {
    QList<DetailsSection::Line> lines;
    for (const SerialPortSettings& port : machine.settings.serialPorts) {
        const QString mode = serialModeText(port.mode);
        lines.append({tr("Port %1 (COM%1):").arg(port.port + 1),
                      port.path.isEmpty() ? mode : tr("%1, %2").arg(mode, port.path)});
    }
    if (lines.isEmpty())
        lines.append({QString(), tr("Disabled")});
    m_serialPorts->setLines(lines);
}

void DetailsView::showNotes(const Machine& machine) {
    m_notes->setLines({{QString(), machine.notes.isEmpty() ? tr("None") : machine.notes}});
}

void DetailsView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QScrollArea::changeEvent(event);
}

void DetailsView::retranslate() {
    const QString toolTip = tr("Opens these settings");
    m_general->setTitle(tr("General"), toolTip);
    m_system->setTitle(tr("System"), toolTip);
    m_display->setTitle(tr("Display"), toolTip);
    m_storage->setTitle(tr("Storage"), toolTip);
    m_network->setTitle(tr("Network"), toolTip);
    m_serialPorts->setTitle(tr("Serial Ports"), toolTip);
    m_notes->setTitle(tr("Notes"), toolTip);
    m_preview->setToolTip(tr("The machine's screen; a double click shows it"));
    refresh();
}

} // namespace vivarium
