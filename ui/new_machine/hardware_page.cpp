#include "ui/new_machine/hardware_page.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/value_slider.h"

#include <QFormLayout>

#include <algorithm>

namespace vivarium {

HardwarePage::HardwarePage(NewMachineDraft& draft, QWidget* parent)
    : WizardPage(draft, parent), m_memory(new ValueSlider(ValueSlider::Scale::PowersOfTwo, this)),
      m_processors(new ValueSlider(ValueSlider::Scale::Linear, this)),
      m_message(new InlineMessage(this)) {
    const HostResources host = HostResources::read();
    m_hostMemoryMiB = static_cast<quint32>(
        std::min<quint64>(host.memoryBytes >> 20, MachineSettings::kMaxMemoryMiB));
    m_hostCpuCount = std::max(1u, host.cpuCount);
    setTitle(tr("Hardware"));
    setSubTitle(tr("How much of this computer the machine may use while it runs. Both can be "
                   "changed later."));
    const int hostMemory = static_cast<int>(m_hostMemoryMiB);
    m_memory->setObjectName(QStringLiteral("memory"));
    m_memory->setSuffix(tr(" MB"));
    m_memory->setStep(4);
    m_memory->setRange(static_cast<int>(MachineSettings::kMinMemoryMiB), std::max(hostMemory, 64),
                       static_cast<int>(MachineSettings::kMaxMemoryMiB));
    m_memory->setAdvisedMaximum(hostMemory * 3 / 4);
    const int cpus = static_cast<int>(m_hostCpuCount);
    m_processors->setObjectName(QStringLiteral("processors"));
    m_processors->setRange(1, std::max(2, cpus), static_cast<int>(MachineSettings::kMaxCpuCount));
    m_processors->setAdvisedMaximum(cpus);
    auto* form = new QFormLayout(this);
    form->addRow(tr("Base &Memory:"), m_memory);
    form->addRow(tr("&Processors:"), m_processors);
    form->addRow(m_message);
    connect(m_memory, &ValueSlider::valueChanged, this, &HardwarePage::check);
    connect(m_processors, &ValueSlider::valueChanged, this, &HardwarePage::check);
}

void HardwarePage::initializePage() {
    const int most = static_cast<int>(m_hostMemoryMiB / 2);
    m_memory->setValue(std::min(static_cast<int>(draft().memoryMiB), std::max(64, most)));
    m_processors->setValue(
        std::min(static_cast<int>(draft().cpuCount), static_cast<int>(m_hostCpuCount)));
    check();
}

void HardwarePage::check() {
    const auto memory = static_cast<quint64>(m_memory->value());
    if (memory > m_hostMemoryMiB && m_hostMemoryMiB > 0)
        m_message->show(
            InlineMessage::Level::Error,
            tr("This computer has only %1 of memory.").arg(memoryText(m_hostMemoryMiB)));
    else if (memory > m_hostMemoryMiB * 3 / 4)
        m_message->show(InlineMessage::Level::Warning,
                        tr("That leaves little memory for this computer, which may become slow."));
    else if (static_cast<quint32>(m_processors->value()) > m_hostCpuCount)
        m_message->show(InlineMessage::Level::Warning,
                        tr("This computer has %n processor(s); more make the machine slower.",
                           nullptr, static_cast<int>(m_hostCpuCount)));
    else
        m_message->clear();
    Q_EMIT
    completeChanged();
}

bool HardwarePage::isComplete() const {
    return m_message->text().isEmpty() || m_message->level() != InlineMessage::Level::Error;
}

bool HardwarePage::validatePage() {
    draft().memoryMiB = static_cast<quint32>(m_memory->value());
    draft().cpuCount = static_cast<quint32>(m_processors->value());
    return true;
}

} // namespace vivarium
