#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/format_lookup.h"
#include "core/provision/disk_creation.h"

#include <CLI/CLI.hpp>

#include <QDir>

namespace vivarium::cli {

namespace {

struct CreateOptions {
    std::string name;
    std::string group;
    std::vector<std::string> tags;
    std::string notes;
    std::string folder;
    std::string diskSize;
    bool preallocate = false;
    bool json = false;
    HardwareOptions hardware;
};

// Creates a disk in the machine's folder and attaches it to the first free port.
Result<void> addDisk(CommandContext& context, Library& library, const MachineId& id,
                     uint32_t sizeMiB, bool preallocate, DriveBus bus) {
    const Machine* added = library.find(id);
    if (!added)
        return fail(ErrorCode::NotFound, "The machine was removed by another program.");
    Machine machine = *added;
    const QString path = QDir(machine.folder).filePath(QStringLiteral("disk.img"));
    TRY(context.await(
        createRawDisk(path, uint64_t{sizeMiB} << 20,
                      preallocate ? DiskAllocation::Preallocated : DiskAllocation::Dynamic)));
    machine.settings.drives << DriveSettings{
        DriveType::HardDisk, firstFreePort(machine.settings.drives, bus), path, false, bus};
    TRY(requireValid(machine.settings));
    return context.await(library.update(machine));
}

int create(CommandContext& context, const CreateOptions& options) {
    Library* library = TRY_OR_EXIT(context.library());
    Machine machine;
    machine.id = MachineId::createRandom();
    machine.settings.name = QString::fromLocal8Bit(options.name.c_str());
    TRY_OR_EXIT(options.hardware.apply(machine.settings, formatLookup(context, library)));
    machine.group = QString::fromLocal8Bit(options.group.c_str());
    for (const std::string& tag : options.tags)
        machine.tags << QString::fromLocal8Bit(tag.c_str());
    machine.notes = QString::fromLocal8Bit(options.notes.c_str());
    if (!options.folder.empty())
        machine.folder = QDir(QString::fromLocal8Bit(options.folder.c_str())).absolutePath();
    std::optional<uint32_t> diskMiB;
    if (!options.diskSize.empty()) {
        diskMiB = parseMiB(options.diskSize);
        if (!diskMiB)
            return printError(
                fail(ErrorCode::InvalidArgument,
                     "--disk-size \"" + options.diskSize + "\" is not a size such as 20G."));
    }
    TRY_OR_EXIT(requireValid(machine.settings));

    const MachineId id = TRY_OR_EXIT(context.await(library->add(machine)));
    if (diskMiB) {
        const auto added = addDisk(context, *library, id, *diskMiB, options.preallocate,
                                   options.hardware.diskBus().value_or(DriveBus::Sata));
        if (!added) {
            // A machine without its disk would only be in the way.
            (void)context.await(library->remove(id, Library::Files::Delete));
            return printError(added.error());
        }
    }
    if (options.json)
        printJson(QJsonObject{{QStringLiteral("id"), id.toString()},
                              {QStringLiteral("name"), machine.settings.name}});
    else
        printText(id.toString());
    return kDone;
}

} // namespace

void addCreateCommand(CommandTable& table) {
    CLI::App& command = table.add("create", "Create a machine");
    auto options = std::make_shared<CreateOptions>();
    command.add_option("NAME", options->name, "Its name")->required();
    command.add_option("--group", options->group, "Group, such as Work/Servers");
    command.add_option("--tag", options->tags, "Tag; may be repeated")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--notes", options->notes, "Notes");
    command.add_option("--folder", options->folder, "Folder for its files");
    command.add_option("--disk-size", options->diskSize, "Create a disk of this size: 20G");
    command.add_flag("--preallocate", options->preallocate, "Reserve the whole disk now");
    command.add_flag("--json", options->json, "Print JSON");
    options->hardware.addTo(command);
    table.setAction(command,
                    [options](CommandContext& context) { return create(context, *options); });
}

} // namespace vivarium::cli
