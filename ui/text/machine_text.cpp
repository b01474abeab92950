#include "ui/text/machine_text.h"

#include <QCoreApplication>
#include <QLocale>

namespace vivarium {

using control::MachineState;
using control::StopReason;

namespace {

class MachineText {
    Q_DECLARE_TR_FUNCTIONS(MachineText)
};

} // namespace

QString stateText(MachineState state) {
    switch (state) {
    case MachineState::PoweredOff:
        return MachineText::tr("Powered Off");
    case MachineState::Starting:
        return MachineText::tr("Starting");
    case MachineState::Running:
        return MachineText::tr("Running");
    case MachineState::Paused:
        return MachineText::tr("Paused");
    case MachineState::Saved:
        return MachineText::tr("Saved");
    case MachineState::Aborted:
        return MachineText::tr("Aborted");
    case MachineState::Stopping:
        return MachineText::tr("Stopping");
    }
    return {};
}

QString firmwareText(Firmware firmware) {
    switch (firmware) {
    case Firmware::Bios:
        return MachineText::tr("BIOS");
    case Firmware::Uefi:
        return MachineText::tr("UEFI");
    }
    return {};
}

QString acceleratorText(Accelerator accelerator) {
    switch (accelerator) {
    case Accelerator::Auto:
        return MachineText::tr("Default");
    case Accelerator::Kvm:
        return MachineText::tr("KVM");
    case Accelerator::Software:
        return MachineText::tr("Software");
    }
    return {};
}

QString bootDeviceText(BootDevice device) {
    switch (device) {
    case BootDevice::HardDisk:
        return MachineText::tr("Hard Disk");
    case BootDevice::Optical:
        return MachineText::tr("Optical");
    case BootDevice::None:
        return MachineText::tr("None");
    }
    return {};
}

QString driveBusText(DriveBus bus) {
    switch (bus) {
    case DriveBus::Sata:
        return MachineText::tr("SATA");
    case DriveBus::Nvme:
        return MachineText::tr("NVMe");
    case DriveBus::Virtio:
        return MachineText::tr("Virtio");
    }
    return {};
}

QString diskFormatText(DiskFormat format) {
    switch (format) {
    case DiskFormat::Raw:
        return MachineText::tr("Raw", "a disk image without format");
    case DiskFormat::Qcow2:
        return MachineText::tr("QCOW2");
    }
    return {};
}

QString drivePlaceText(const DriveSettings& drive) {
    switch (drive.bus) {
    case DriveBus::Sata:
        return MachineText::tr("SATA Port %1").arg(drive.port);
    case DriveBus::Nvme:
        return MachineText::tr("NVMe Slot %1").arg(drive.port);
    case DriveBus::Virtio:
        return MachineText::tr("Virtio Slot %1").arg(drive.port);
    }
    return {};
}

QString networkCardTypeText() {
    return MachineText::tr("Paravirtualised network (virtio-net)");
}

QString serialModeText(SerialMode mode) {
    switch (mode) {
    case SerialMode::Disconnected:
        return MachineText::tr("Disconnected");
    case SerialMode::Console:
        return MachineText::tr("Console");
    case SerialMode::File:
        return MachineText::tr("Raw File");
    case SerialMode::Socket:
        return MachineText::tr("Host Socket");
    }
    return {};
}

QString scaleModeText(ScaleMode mode) {
    switch (mode) {
    case ScaleMode::Fit:
        return MachineText::tr("Fit to Window");
    case ScaleMode::OneToOne:
        return MachineText::tr("Unscaled (1:1)");
    case ScaleMode::Integer:
        return MachineText::tr("Whole Multiples");
    }
    return {};
}

QString closeActionText(CloseAction action) {
    switch (action) {
    case CloseAction::Ask:
        return MachineText::tr("Ask");
    case CloseAction::KeepRunning:
        return MachineText::tr("Keep running in the background");
    case CloseAction::SaveState:
        return MachineText::tr("Save the machine state");
    case CloseAction::Shutdown:
        return MachineText::tr("Send the shutdown signal");
    case CloseAction::PowerOff:
        return MachineText::tr("Power off the machine");
    }
    return {};
}

QString eventText(MachineEvent::Kind kind) {
    switch (kind) {
    case MachineEvent::Kind::Created:
        return MachineText::tr("Created");
    case MachineEvent::Kind::SettingsChanged:
        return MachineText::tr("Settings changed");
    case MachineEvent::Kind::Renamed:
        return MachineText::tr("Renamed");
    case MachineEvent::Kind::Started:
        return MachineText::tr("Started");
    case MachineEvent::Kind::Paused:
        return MachineText::tr("Paused");
    case MachineEvent::Kind::Resumed:
        return MachineText::tr("Resumed");
    case MachineEvent::Kind::Reset:
        return MachineText::tr("Reset");
    case MachineEvent::Kind::Stopped:
        return MachineText::tr("Stopped");
    case MachineEvent::Kind::Aborted:
        return MachineText::tr("Aborted");
    case MachineEvent::Kind::Failed:
        return MachineText::tr("Failed");
    case MachineEvent::Kind::Removed:
        return MachineText::tr("Removed");
    case MachineEvent::Kind::SnapshotTaken:
        return MachineText::tr("Snapshot taken");
    case MachineEvent::Kind::SnapshotRestored:
        return MachineText::tr("Snapshot restored");
    case MachineEvent::Kind::SnapshotDeleted:
        return MachineText::tr("Snapshot deleted");
    }
    return {};
}

QString sizeText(quint64 bytes) {
    return QLocale().formattedDataSize(static_cast<qint64>(bytes), 2,
                                       QLocale::DataSizeTraditionalFormat);
}

QString memoryText(quint32 mebibytes) {
    return MachineText::tr("%1 MB").arg(mebibytes);
}

UserMessage describeStop(const QString& machineName, MachineState state, StopReason reason,
                         const QString& detail) {
    UserMessage message;
    message.detail = detail;
    if (state == MachineState::Aborted) {
        message.title = MachineText::tr("The machine “%1” ended unexpectedly.").arg(machineName);
        message.reason = MachineText::tr("Its worker process went away without saying why.");
        message.advice =
            MachineText::tr("Look at the log; the machine's disks are as the guest left them. You "
                            "can start the machine again.");
        return message;
    }
    switch (reason) {
    case StopReason::None:
    case StopReason::User:
    case StopReason::GuestShutdown:
    case StopReason::GuestExit:
    case StopReason::Saved:
        return {};
    case StopReason::DiskFull:
        message.title = MachineText::tr("The machine “%1” is paused.").arg(machineName);
        message.reason =
            MachineText::tr("The disk of this computer that holds its files is full; the guest's "
                            "write waits, nothing is lost.");
        message.advice = MachineText::tr("Make space, then resume the machine.");
        break;
    case StopReason::DiskError:
        message.title = MachineText::tr("The machine “%1” is paused.").arg(machineName);
        message.reason = MachineText::tr("A disk image could not be read or written.");
        message.advice =
            MachineText::tr("Check the disk that holds the image, then resume to try again.");
        break;
    case StopReason::InternalError:
        message.title = MachineText::tr("The machine “%1” cannot go on.").arg(machineName);
        message.reason = MachineText::tr("Its processor met something that the accelerator cannot "
                                         "run. The details show the registers.");
        message.advice = MachineText::tr("Reset the machine or power it off.");
        break;
    case StopReason::TripleFault:
        message.title = MachineText::tr("The machine “%1” has crashed.").arg(machineName);
        message.reason = MachineText::tr("The guest's processor met a triple fault.");
        message.advice = MachineText::tr("Reset the machine or power it off.");
        break;
    }
    return message;
}

namespace {

// "drives[1].path" -> "drives.path".
QString fieldWithoutIndex(const QString& field) {
    QString plain;
    bool inIndex = false;
    for (QChar c : field) {
        if (c == u'[')
            inIndex = true;
        else if (c == u']')
            inIndex = false;
        else if (!inIndex)
            plain += c;
    }
    return plain;
}

QString fieldText(const QString& field) {
    const QString plain = fieldWithoutIndex(field);
    if (plain == u"name")
        return MachineText::tr("The name");
    if (plain == u"description")
        return MachineText::tr("The description");
    if (plain == u"guestType")
        return MachineText::tr("The guest type");
    if (plain == u"memoryMiB")
        return MachineText::tr("The base memory");
    if (plain == u"cpuCount")
        return MachineText::tr("The number of processors");
    if (plain == u"videoMemoryMiB")
        return MachineText::tr("The video memory");
    if (plain == u"drives.path")
        return MachineText::tr("The file of a drive");
    if (plain == u"drives.bus")
        return MachineText::tr("The controller of a drive");
    if (plain == u"drives.port")
        return MachineText::tr("The port of a drive");
    if (plain == u"drives")
        return MachineText::tr("The list of drives");
    if (plain == u"networkCards.macAddress")
        return MachineText::tr("The MAC address of a network adapter");
    if (plain == u"networkCards.slot")
        return MachineText::tr("The slot of a network adapter");
    if (plain == u"serialPorts.path")
        return MachineText::tr("The path of a serial port");
    if (plain == u"serialPorts.port")
        return MachineText::tr("The number of a serial port");
    if (plain == u"bootOrder")
        return MachineText::tr("The boot order");
    if (plain == u"directBoot.kernelPath")
        return MachineText::tr("The kernel");
    if (plain == u"directBoot.initrdPath")
        return MachineText::tr("The initial RAM disk");
    if (plain == u"directBoot.commandLine")
        return MachineText::tr("The kernel's command line");
    if (plain == u"directBoot.modulePaths")
        return MachineText::tr("The list of modules");
    if (plain == u"vnc.address")
        return MachineText::tr("The address of the remote screen");
    if (plain == u"vnc.port")
        return MachineText::tr("The port of the remote screen");
    if (plain == u"vnc.password")
        return MachineText::tr("The password of the remote screen");
    return {};
}

QString rangeText(const QString& field) {
    if (field == u"memoryMiB")
        return MachineText::tr("The base memory must be between %1 and %2 MB.")
            .arg(MachineSettings::kMinMemoryMiB)
            .arg(MachineSettings::kMaxMemoryMiB);
    if (field == u"cpuCount")
        return MachineText::tr("There must be between 1 and %1 processors.")
            .arg(MachineSettings::kMaxCpuCount);
    if (fieldWithoutIndex(field) == u"networkCards.macAddress")
        return MachineText::tr("The MAC address of a network adapter must be one card's: twelve "
                               "hexadecimal digits, of which the second is even.");
    if (field == u"videoMemoryMiB")
        return MachineText::tr("The video memory must be a power of two between 1 and 256 MB.");
    return {};
}

} // namespace

QString problemText(const SettingsProblem& problem) {
    const QString field = fieldText(problem.field);
    if (field.isEmpty())
        return problem.message;
    switch (problem.kind) {
    case SettingsProblem::Kind::OutOfRange: {
        const QString range = rangeText(problem.field);
        return range.isEmpty() ? MachineText::tr("%1 is outside the allowed range.").arg(field)
                               : range;
    }
    case SettingsProblem::Kind::Empty:
        return MachineText::tr("%1 must not be empty.").arg(field);
    case SettingsProblem::Kind::TooLong:
        return MachineText::tr("%1 is too long.").arg(field);
    case SettingsProblem::Kind::BadCharacter:
        if (problem.field == u"name")
            return MachineText::tr("The name may not contain “/”, line breaks or signs that cannot "
                                   "be shown, or start or end with a space.");
        return MachineText::tr("%1 contains a character that is not allowed.").arg(field);
    case SettingsProblem::Kind::Duplicate:
        return MachineText::tr("%1 is used twice.").arg(field);
    case SettingsProblem::Kind::NotFound:
        return MachineText::tr("%1 was not found.").arg(field);
    case SettingsProblem::Kind::Unsupported:
        return MachineText::tr("%1 is not supported.").arg(field);
    }
    return problem.message;
}

} // namespace vivarium
