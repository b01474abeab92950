#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/commands/sub_command.h"
#include "app/cli/disk_jobs.h"
#include "app/cli/format_lookup.h"
#include "app/cli/hardware_options.h"
#include "app/cli/named_value.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace vivarium::cli {

using namespace Qt::StringLiterals;

namespace {

struct DriveOptions {
    std::string name;
    std::string file;  // attach; may be empty for an optical drive
    std::string drive; // detach, set: "sata0" or the file
    bool optical = false;
    std::optional<std::string> bus, format, cache, onError, onFull;
    std::optional<uint32_t> port;
    std::optional<bool> readOnly;
    bool force = false;
};

Result<void> applyDiskOptions(const DriveOptions& options, DriveSettings& drive) {
    const bool forDisks = options.cache || options.onError || options.onFull || options.readOnly;
    if (drive.type == DriveType::Optical && forDisks)
        return fail(ErrorCode::InvalidArgument,
                    "--cache, --on-error, --on-full and --read-only are for disks.");
    TRY(applyName("--cache", options.cache, drive.cacheMode));
    TRY(applyName("--on-error", options.onError, drive.onError));
    TRY(applyName("--on-full", options.onFull, drive.onFull));
    drive.readOnly = options.readOnly.value_or(drive.readOnly);
    return {};
}

// The machine's drive called `text`: its place ("sata0") or its file.
Result<DriveSettings> findDrive(const Machine& machine, const std::string& text) {
    const QString wanted = QString::fromLocal8Bit(text.c_str());
    const QString path = absolutePathOf(text);
    for (const DriveSettings& drive : machine.settings.drives)
        if (nameOf(drive.bus) + QString::number(drive.port) == wanted || drive.path == path)
            return drive;
    QStringList known;
    for (const DriveSettings& drive : machine.settings.drives)
        known << nameOf(drive.bus) + QString::number(drive.port);
    return fail(
        ErrorCode::NotFound,
        "Machine \"" + printable(machine.settings.name).toStdString() + "\" has no drive \"" +
            text + "\"" +
            (known.isEmpty() ? "." : "; it has " + known.join(u", "_s).toStdString() + "."));
}

int attach(CommandContext& context, const DriveOptions& options) {
    const Machine machine =
        *TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    Library* library = TRY_OR_EXIT(context.library());
    DriveSettings drive;
    drive.type = options.optical ? DriveType::Optical : DriveType::HardDisk;
    if (!options.file.empty())
        drive.path = absolutePathOf(options.file);
    else if (!options.optical)
        return printError(fail(ErrorCode::InvalidArgument, "Which image is to be attached?"));
    TRY_OR_EXIT(applyName("--bus", options.bus, drive.bus));
    drive.port = options.port.value_or(firstFreePort(machine.settings.drives, drive.bus));
    if (options.format)
        TRY_OR_EXIT(applyName("--format", options.format, drive.format));
    else if (!options.optical)
        drive.format = TRY_OR_EXIT(formatLookup(context, library)(drive.path));
    TRY_OR_EXIT(applyDiskOptions(options, drive));
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    TRY_OR_EXIT(context.await(supervisor->attachDrive(machine.id, drive)));
    printText(nameOf(drive.bus) + QString::number(drive.port));
    return kDone;
}

int detach(CommandContext& context, const DriveOptions& options) {
    const Machine machine =
        *TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    const DriveSettings drive = TRY_OR_EXIT(findDrive(machine, options.drive));
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    TRY_OR_EXIT(context.await(supervisor->detachDrive(machine.id, drive.bus, drive.port,
                                                      options.force ? Supervisor::Eject::Force
                                                                    : Supervisor::Eject::Ask)));
    return kDone;
}

int set(CommandContext& context, const DriveOptions& options) {
    Machine machine = *TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    const QList<DriveSettings> before = machine.settings.drives;
    const DriveSettings found = TRY_OR_EXIT(findDrive(machine, options.drive));
    DriveSettings& drive =
        *std::find(machine.settings.drives.begin(), machine.settings.drives.end(), found);
    TRY_OR_EXIT(applyDiskOptions(options, drive));
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    if (supervisor->connection(machine.id) && machine.settings.drives != before)
        return printError(fail(ErrorCode::WrongState,
                               "Machine \"" + printable(machine.settings.name).toStdString() +
                                   "\" is running; how its drives work can be changed when it is "
                                   "off."));
    Library* library = TRY_OR_EXIT(context.library());
    TRY_OR_EXIT(context.await(library->update(machine)));
    return kDone;
}

struct Verb : SubCommand<DriveOptions> {
    Verb(CommandTable& table, CLI::App& parent, const char* name, const char* description,
         Function function)
        : SubCommand(table, parent, name, description, function) {
        command.add_option("NAME", options->name, "Machine")->required();
    }
    void addDrive() {
        command.add_option("DRIVE", options->drive, "Its place, such as sata0, or its file")
            ->required();
    }
    void addDiskOptions() {
        command.add_option("--cache", options->cache,
                           "What the guest writes: writeback, writethrough, direct");
        command.add_option("--on-error", options->onError,
                           "When the host cannot read or write: report, stop, ignore");
        command.add_option("--on-full", options->onFull,
                           "When the host has no space: report, stop, ignore");
        addSwitch(command, "--read-only,!--writable", options->readOnly,
                  "Whether it is written to");
    }
};

} // namespace

void addDriveCommand(CommandTable& table) {
    CLI::App& drive = table.add("drive", "Attach and detach drives, running or not");
    drive.require_subcommand(1);
    Verb attached(table, drive, "attach", "Add a drive; SATA only while the machine runs", attach);
    attached.command.add_option("FILE", attached.options->file, "Image; none: an empty --optical");
    attached.command.add_flag("--optical", attached.options->optical, "A CD/DVD drive, not a disk");
    attached.command.add_option("--bus", attached.options->bus, "sata, nvme or virtio (sata)");
    attached.command.add_option("--port", attached.options->port,
                                "Place on the bus; the first free");
    attached.command.add_option("--format", attached.options->format,
                                "What the image is, if not what it looks like: raw, qcow2");
    attached.addDiskOptions();
    Verb detached(table, drive, "detach", "Take a drive out; its file stays", detach);
    detached.addDrive();
    detached.command.add_flag("--force", detached.options->force,
                              "Also when the guest has locked the tray");
    Verb changed(table, drive, "set", "Change how a disk of a machine that is off works", set);
    changed.addDrive();
    changed.addDiskOptions();
}

} // namespace vivarium::cli
