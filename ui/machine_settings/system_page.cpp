#include "ui/machine_settings/system_page.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/path_field.h"
#include "ui/widgets/value_slider.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QGroupBox>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace vivarium {

SystemPage::SystemPage(quint32 hostMemoryMiB, int hostCpuCount, QWidget* parent)
    : SettingsPage(parent), m_tabs(new QTabWidget(this)) {
    m_tabs->addTab(motherboardTab(hostMemoryMiB), tr("Motherboard"));
    m_tabs->addTab(processorTab(hostCpuCount), tr("Processor"));
    m_tabs->addTab(directBootTab(), tr("Direct Boot"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_tabs);
}

QWidget* SystemPage::motherboardTab(quint32 hostMemoryMiB) {
    auto* tab = new QWidget(m_tabs);
    m_memory = new ValueSlider(ValueSlider::Scale::PowersOfTwo, tab);
    m_memory->setObjectName(QStringLiteral("memory"));
    m_memory->setSuffix(tr(" MB"));
    m_memory->setStep(4);
    m_memory->setRange(static_cast<int>(MachineSettings::kMinMemoryMiB),
                       static_cast<int>(hostMemoryMiB),
                       static_cast<int>(MachineSettings::kMaxMemoryMiB));
    m_memory->setAdvisedMaximum(static_cast<int>(hostMemoryMiB * 3 / 4));
    m_bootOrder = new QListWidget(tab);
    m_bootOrder->setFixedHeight(4 * m_bootOrder->fontMetrics().height());
    m_bootUp = new QToolButton(tab);
    m_bootUp->setArrowType(Qt::UpArrow);
    m_bootUp->setToolTip(tr("Earlier"));
    m_bootUp->setAccessibleName(tr("Boot this device earlier"));
    m_bootDown = new QToolButton(tab);
    m_bootDown->setArrowType(Qt::DownArrow);
    m_bootDown->setToolTip(tr("Later"));
    m_bootDown->setAccessibleName(tr("Boot this device later"));
    auto* buttons = new QVBoxLayout;
    buttons->addWidget(m_bootUp);
    buttons->addWidget(m_bootDown);
    auto* boot = new QHBoxLayout;
    boot->addWidget(m_bootOrder, 1, Qt::AlignTop);
    boot->addLayout(buttons);
    boot->setAlignment(buttons, Qt::AlignTop);
    boot->addStretch(1);
    auto* bootTitle = new QLabel(tr("B&oot Order:"), tab);
    bootTitle->setBuddy(m_bootOrder);
    m_firmware = new QComboBox(tab);
    m_firmware->addItem(firmwareText(Firmware::Bios), static_cast<int>(Firmware::Bios));
    m_bootMenu = new QCheckBox(tr("Wait for the &boot menu key"), tab);
    m_hpet = new QCheckBox(tr("High precision event &timer (HPET)"), tab);
    m_localTime = new QCheckBox(tr("Hardware clock in &local time (for Windows and DOS)"), tab);

    auto* form = new QFormLayout(tab);
    form->addRow(tr("Base &Memory:"), m_memory);
    form->addRow(bootTitle, boot);
    form->addRow(tr("&Firmware:"), m_firmware);
    form->addRow(tr("Extended Features:"), m_bootMenu);
    form->addRow(QString(), m_hpet);
    form->addRow(QString(), m_localTime);
    connect(m_memory, &ValueSlider::valueChanged, this, &SettingsPage::changed);
    connect(m_bootOrder, &QListWidget::itemChanged, this, &SettingsPage::changed);
    connect(m_bootUp, &QToolButton::clicked, this, [this] { moveBootDevice(-1); });
    connect(m_bootDown, &QToolButton::clicked, this, [this] { moveBootDevice(1); });
    for (QCheckBox* box : {m_bootMenu, m_hpet, m_localTime})
        connect(box, &QCheckBox::toggled, this, &SettingsPage::changed);
    connect(m_firmware, &QComboBox::currentIndexChanged, this, &SettingsPage::changed);
    return tab;
}

QWidget* SystemPage::processorTab(int hostCpuCount) {
    auto* tab = new QWidget(m_tabs);
    m_processors = new ValueSlider(ValueSlider::Scale::Linear, tab);
    m_processors->setObjectName(QStringLiteral("processors"));
    m_processors->setRange(1, std::max(2, hostCpuCount * 2),
                           static_cast<int>(MachineSettings::kMaxCpuCount));
    m_processors->setAdvisedMaximum(hostCpuCount);
    m_accelerator = new QComboBox(tab);
    for (Accelerator accelerator : {Accelerator::Auto, Accelerator::Kvm, Accelerator::Software})
        m_accelerator->addItem(acceleratorText(accelerator), static_cast<int>(accelerator));
    m_accelerator->setToolTip(
        tr("KVM runs guests at the processor's own speed. Software needs "
           "nothing of this computer, but is slower. Default takes KVM where it "
           "can be used."));
    m_exitDevice = new QCheckBox(tr("&Exit device for test guests (isa-debug-exit)"), tab);
    auto* form = new QFormLayout(tab);
    form->addRow(tr("&Processors:"), m_processors);
    form->addRow(tr("&Acceleration:"), m_accelerator);
    form->addRow(tr("Extended Features:"), m_exitDevice);
    connect(m_processors, &ValueSlider::valueChanged, this, &SettingsPage::changed);
    connect(m_accelerator, &QComboBox::currentIndexChanged, this, &SettingsPage::changed);
    connect(m_exitDevice, &QCheckBox::toggled, this, &SettingsPage::changed);
    return tab;
}

QWidget* SystemPage::directBootTab() {
    auto* tab = new QWidget(m_tabs);
    m_directBoot = new QGroupBox(tr("Start a kernel &directly, without firmware"), tab);
    m_directBoot->setCheckable(true);
    m_directBoot->setChecked(false);
    m_kernel = new PathField(PathField::Kind::OpenFile, m_directBoot);
    m_kernel->setDialog(tr("Choose a Kernel"), tr("All files (*)"));
    m_kernel->setPlaceholderText(tr("Linux, PVH or multiboot"));
    m_initrd = new PathField(PathField::Kind::OpenFile, m_directBoot);
    m_initrd->setDialog(tr("Choose an Initial RAM Disk"), tr("All files (*)"));
    m_commandLine = new QLineEdit(m_directBoot);
    m_modules = new QPlainTextEdit(m_directBoot);
    m_modules->setPlaceholderText(tr("One file a line (multiboot only)"));
    m_modules->setMaximumHeight(5 * m_modules->fontMetrics().height());
    m_modules->setTabChangesFocus(true);
    auto* form = new QFormLayout(m_directBoot);
    form->addRow(tr("&Kernel:"), m_kernel);
    form->addRow(tr("&Initial RAM Disk:"), m_initrd);
    form->addRow(tr("&Command Line:"), m_commandLine);
    form->addRow(tr("&Modules:"), m_modules);
    auto* layout = new QVBoxLayout(tab);
    layout->addWidget(m_directBoot);
    layout->addStretch();
    connect(m_directBoot, &QGroupBox::toggled, this, &SettingsPage::changed);
    connect(m_kernel, &PathField::pathChanged, this, &SettingsPage::changed);
    connect(m_initrd, &PathField::pathChanged, this, &SettingsPage::changed);
    connect(m_commandLine, &QLineEdit::textChanged, this, &SettingsPage::changed);
    connect(m_modules, &QPlainTextEdit::textChanged, this, &SettingsPage::changed);
    return tab;
}

void SystemPage::moveBootDevice(int step) {
    const int row = m_bootOrder->currentRow();
    const int target = row + step;
    if (row < 0 || target < 0 || target >= m_bootOrder->count())
        return;
    m_bootOrder->insertItem(target, m_bootOrder->takeItem(row));
    m_bootOrder->setCurrentRow(target);
    Q_EMIT
    changed();
}

void SystemPage::load(const Machine& machine) {
    const MachineSettings& settings = machine.settings;
    m_memory->setValue(static_cast<int>(settings.memoryMiB));
    m_bootOrder->clear();
    QList<BootDevice> devices = settings.bootOrder;
    devices.removeAll(BootDevice::None);
    const auto addDevice = [this](BootDevice device, Qt::CheckState state) {
        auto* item = new QListWidgetItem(bootDeviceText(device), m_bootOrder);
        item->setData(Qt::UserRole, static_cast<int>(device));
        item->setFlags(item->flags() | Qt::ItemIsUserCheckable);
        item->setCheckState(state);
    };
    for (BootDevice device : std::as_const(devices))
        addDevice(device, Qt::Checked);
    for (BootDevice device : {BootDevice::Optical, BootDevice::HardDisk})
        if (!devices.contains(device))
            addDevice(device, Qt::Unchecked);
    m_bootOrder->setCurrentRow(0);
    // A library of a newer version may hold a firmware that this one does not offer.
    int firmware = m_firmware->findData(static_cast<int>(settings.firmware));
    if (firmware < 0) {
        m_firmware->addItem(firmwareText(settings.firmware), static_cast<int>(settings.firmware));
        firmware = m_firmware->count() - 1;
    }
    m_firmware->setCurrentIndex(firmware);
    m_bootMenu->setChecked(settings.bootMenu);
    m_hpet->setChecked(settings.hpet);
    m_localTime->setChecked(settings.rtcLocalTime);
    m_processors->setValue(static_cast<int>(settings.cpuCount));
    m_accelerator->setCurrentIndex(m_accelerator->findData(static_cast<int>(settings.accelerator)));
    m_exitDevice->setChecked(settings.exitDevice);
    m_directBoot->setChecked(!settings.directBoot.kernelPath.isEmpty());
    m_kernel->setPath(settings.directBoot.kernelPath);
    m_initrd->setPath(settings.directBoot.initrdPath);
    m_commandLine->setText(settings.directBoot.commandLine);
    m_modules->setPlainText(settings.directBoot.modulePaths.join(u'\n'));
}

void SystemPage::store(Machine& machine) const {
    MachineSettings& settings = machine.settings;
    settings.memoryMiB = static_cast<quint32>(m_memory->value());
    settings.bootOrder.clear();
    for (int row = 0; row < m_bootOrder->count(); ++row)
        if (const QListWidgetItem* item = m_bootOrder->item(row); item->checkState() == Qt::Checked)
            settings.bootOrder << static_cast<BootDevice>(item->data(Qt::UserRole).toInt());
    settings.firmware = static_cast<Firmware>(m_firmware->currentData().toInt());
    settings.bootMenu = m_bootMenu->isChecked();
    settings.hpet = m_hpet->isChecked();
    settings.rtcLocalTime = m_localTime->isChecked();
    settings.cpuCount = static_cast<quint32>(m_processors->value());
    settings.accelerator = static_cast<Accelerator>(m_accelerator->currentData().toInt());
    settings.exitDevice = m_exitDevice->isChecked();
    settings.directBoot = {};
    if (!m_directBoot->isChecked())
        return;
    settings.directBoot.kernelPath = m_kernel->path();
    settings.directBoot.initrdPath = m_initrd->path();
    settings.directBoot.commandLine = m_commandLine->text();
    for (const QString& line : m_modules->toPlainText().split(u'\n', Qt::SkipEmptyParts))
        if (!line.trimmed().isEmpty())
            settings.directBoot.modulePaths << line.trimmed();
}

void SystemPage::setLiveness(Liveness liveness) {
    for (int tab = 0; tab < m_tabs->count(); ++tab)
        m_tabs->widget(tab)->setEnabled(liveness == Liveness::Stopped);
}

} // namespace vivarium
