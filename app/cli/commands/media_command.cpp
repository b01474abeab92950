#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

#include <QFileInfo>

namespace vivarium::cli {

namespace {

struct MediaOptions {
    std::string name;
    std::string action;
    std::string path;
    std::optional<uint32_t> port;
    bool force = false;
};

// The drive that is meant: the one at --port, else the first optical one.
Result<uint32_t> opticalPort(const Machine& machine, std::optional<uint32_t> port) {
    for (const DriveSettings& drive : machine.settings.drives)
        if (drive.type == DriveType::Optical && (!port || drive.port == *port))
            return drive.port;
    return fail(ErrorCode::NotFound, "Machine \"" + printable(machine.settings.name).toStdString() +
                                         "\" has no such optical drive.");
}

int media(CommandContext& context, const MediaOptions& options) {
    const Machine* machine =
        TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    const MachineId id = machine->id;
    const uint32_t port = TRY_OR_EXIT(opticalPort(*machine, options.port));
    QString path;
    if (options.action == "insert") {
        if (options.path.empty())
            return printError(fail(ErrorCode::InvalidArgument, "Which image is to be inserted?"));
        path = QFileInfo(QString::fromLocal8Bit(options.path.c_str())).absoluteFilePath();
    }
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    TRY_OR_EXIT(context.await(supervisor->changeMedium(
        id, port, path, options.force ? Supervisor::Eject::Force : Supervisor::Eject::Ask)));
    return kDone;
}

} // namespace

void addMediaCommand(CommandTable& table) {
    CLI::App& command = table.add("media", "Insert or eject an optical medium, running or not");
    auto options = std::make_shared<MediaOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    command.add_option("ACTION", options->action, "insert or eject")
        ->required()
        ->check(CLI::IsMember({"insert", "eject"}));
    command.add_option("IMAGE", options->path, "ISO image to insert");
    command.add_option("--port", options->port, "SATA port; the first optical drive otherwise");
    command.add_flag("--force", options->force, "Also when the guest has locked the tray");
    table.setAction(command,
                    [options](CommandContext& context) { return media(context, *options); });
}

} // namespace vivarium::cli
