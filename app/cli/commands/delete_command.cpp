#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

struct DeleteOptions {
    std::vector<std::string> names;
    bool keepFiles = false;
};

int remove(CommandContext& context, const DeleteOptions& options) {
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    Library* library = TRY_OR_EXIT(context.library());
    int status = kDone;
    for (const std::string& name : options.names) {
        const Machine* machine = TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(name.c_str())));
        if (supervisor->connection(machine->id)) {
            status =
                printError(fail(ErrorCode::WrongState,
                                "Machine \"" + printable(machine->settings.name).toStdString() +
                                    "\" is running; stop it before you delete it."));
            continue;
        }
        const auto removed = context.await(library->remove(
            machine->id, options.keepFiles ? Library::Files::Keep : Library::Files::Delete));
        if (!removed)
            status = printError(removed.error());
    }
    return status;
}

} // namespace

void addDeleteCommand(CommandTable& table) {
    CLI::App& command = table.add("delete", "Delete machines and the files in their folders");
    auto options = std::make_shared<DeleteOptions>();
    command.add_option("NAME", options->names, "Machines")->required();
    command.add_flag("--keep-files", options->keepFiles, "Only remove from the library");
    table.setAction(command,
                    [options](CommandContext& context) { return remove(context, *options); });
}

} // namespace vivarium::cli
