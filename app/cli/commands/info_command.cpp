#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/drive_report.h"
#include "app/cli/machine_json.h"
#include "core/model/mac_address_text.h"
#include "core/model/setting_names.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

QString line(const char* title, const QString& value) {
    return QString::fromLatin1(title).leftJustified(14) + printable(value);
}

QString driveText(const DriveReport& report) {
    const DriveSettings& drive = report.drive;
    QString text =
        QStringLiteral("%1 %2: %3 %4")
            .arg(nameOf(drive.bus).toUpper())
            .arg(drive.port)
            .arg(nameOf(drive.type), drive.path.isEmpty() ? QStringLiteral("(empty)") : drive.path);
    if (drive.type == DriveType::HardDisk)
        text += QStringLiteral(" (%1").arg(nameOf(drive.format));
    if (drive.type == DriveType::HardDisk && !report.chain.isEmpty())
        text += QStringLiteral(", %1 MiB").arg(report.chain.last().sizeBytes >> 20);
    return drive.type == DriveType::HardDisk ? text + u')' : text;
}

QString serialText(const SerialPortSettings& port) {
    return QStringLiteral("COM%1: %2 %3").arg(port.port + 1).arg(nameOf(port.mode), port.path);
}

QString networkText(const NetworkCardSettings& card) {
    return QStringLiteral("adapter %1: virtio-net, unattached, %2")
        .arg(card.slot + 1)
        .arg(macAddressText(card.macAddress));
}

// What the running worker says about itself.
struct LiveStatus {
    control::StatusReply reply;
    QString vncAddress;
};

QString infoText(const Machine& machine, const MachineStatus& status,
                 const QList<DriveReport>& drives, const LiveStatus* live) {
    const MachineSettings& settings = machine.settings;
    const auto state = control::machineStateName(status.state);
    QStringList lines{
        line("Name:", settings.name),
        line("Id:", machine.id.toString()),
        line("State:", QString::fromUtf8(state.data(), static_cast<qsizetype>(state.size()))),
    };
    if (!status.detail.isEmpty())
        lines << line("Reason:", status.detail);
    if (live) {
        lines << line("Accelerator:", QString::fromStdString(live->reply.accelerator));
        if (!live->reply.acceleratorReason.empty())
            lines << line("", QString::fromStdString(live->reply.acceleratorReason));
        lines << line("Process:", QString::number(live->reply.pid));
        lines << line("Uptime:", QStringLiteral("%1 s").arg(live->reply.uptimeMs / 1000));
        if (!live->vncAddress.isEmpty())
            lines << line("VNC:", live->vncAddress);
    }
    if (!machine.group.isEmpty())
        lines << line("Group:", machine.group);
    if (!machine.tags.isEmpty())
        lines << line("Tags:", machine.tags.join(QStringLiteral(", ")));
    lines << line("Guest type:", settings.guestType)
          << line("Memory:", QStringLiteral("%1 MiB").arg(settings.memoryMiB))
          << line("Processors:", QString::number(settings.cpuCount))
          << line("Firmware:", nameOf(settings.firmware));
    if (!settings.directBoot.kernelPath.isEmpty())
        lines << line("Kernel:", settings.directBoot.kernelPath)
              << line("Command line:", settings.directBoot.commandLine);
    for (const DriveReport& report : drives) {
        lines << line("Drive:", driveText(report));
        for (qsizetype i = report.chain.size() - 2; i >= 0; --i)
            lines << line("", QStringLiteral("on %1 (%2)")
                                  .arg(report.chain.at(i).path, nameOf(report.chain.at(i).format)));
        if (!report.problem.isEmpty())
            lines << line("", report.problem);
    }
    for (const NetworkCardSettings& card : settings.networkCards)
        lines << line("Network:", networkText(card));
    for (const SerialPortSettings& port : settings.serialPorts)
        lines << line("Serial port:", serialText(port));
    lines << line("Folder:", machine.folder)
          << line("Created:", machine.createdAt.toLocalTime().toString(Qt::ISODate));
    if (!machine.notes.isEmpty())
        lines << line("Notes:", machine.notes);
    return lines.join(u'\n');
}

QJsonObject liveJson(const LiveStatus& live) {
    const control::StatusReply& reply = live.reply;
    QJsonArray drives;
    for (const control::DriveStatus& drive : reply.drives)
        drives.append(QJsonObject{
            {QStringLiteral("id"), QString::fromStdString(drive.id)},
            {QStringLiteral("medium"), QString::fromStdString(drive.mediumName)},
            {QStringLiteral("locked"), drive.locked},
            {QStringLiteral("readBytes"), static_cast<qint64>(drive.readBytes)},
            {QStringLiteral("writtenBytes"), static_cast<qint64>(drive.writtenBytes)},
        });
    return {
        {QStringLiteral("accelerator"), QString::fromStdString(reply.accelerator)},
        {QStringLiteral("acceleratorReason"), QString::fromStdString(reply.acceleratorReason)},
        {QStringLiteral("pid"), static_cast<qint64>(reply.pid)},
        {QStringLiteral("uptimeMs"), static_cast<qint64>(reply.uptimeMs)},
        {QStringLiteral("exitCount"), static_cast<qint64>(reply.exitCount)},
        {QStringLiteral("absolutePointer"), reply.absolutePointer},
        {QStringLiteral("vncAddress"), live.vncAddress},
        {QStringLiteral("vncClients"), static_cast<qint64>(reply.vncClients)},
        {QStringLiteral("drives"), drives},
    };
}

int info(CommandContext& context, const std::string& name, bool json) {
    // A copy: the library may change while other programs are asked.
    const Machine machine = *TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(name.c_str())));
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    std::optional<LiveStatus> live;
    if (WorkerConnection* worker = supervisor->connection(machine.id)) {
        // A worker that ends meanwhile is no error: the machine is then simply not running.
        if (auto reply = context.request(*worker, control::Status{}))
            live = LiveStatus{reply->value, supervisor->vncAddress(machine.id)};
    }
    const MachineStatus status = supervisor->status(machine.id);
    const QList<DriveReport> drives = TRY_OR_EXIT(reportDrives(context, machine));
    if (!json) {
        printText(infoText(machine, status, drives, live ? &*live : nullptr));
        return kDone;
    }
    QJsonObject object = detailJson(machine, status);
    object.insert(QStringLiteral("drives"), toJson(drives));
    if (live)
        object.insert(QStringLiteral("live"), liveJson(*live));
    printJson(object);
    return kDone;
}

} // namespace

void addInfoCommand(CommandTable& table) {
    CLI::App& command = table.add("info", "Show a machine's settings and state");
    auto name = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    command.add_option("NAME", *name, "Machine")->required();
    command.add_flag("--json", *json, "Print JSON");
    table.setAction(command,
                    [name, json](CommandContext& context) { return info(context, *name, *json); });
}

} // namespace vivarium::cli
