#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/machine_json.h"
#include "app/cli/operation_wait.h"

#include <CLI/CLI.hpp>

#include <QJsonArray>

namespace vivarium::cli {

namespace {

struct SaveOptions {
    std::vector<std::string> names;
    bool discard = false;
    bool json = false;
};

int save(CommandContext& context, const SaveOptions& options) {
    SnapshotService* service = TRY_OR_EXIT(context.snapshots());
    int status = kDone;
    QJsonArray saved;
    for (const std::string& name : options.names) {
        const auto machine = context.machine(QString::fromLocal8Bit(name.c_str()));
        if (!machine) {
            status = printError(machine.error());
            continue;
        }
        const MachineId id = (*machine)->id;
        const auto done = awaitOperation(context, options.discard ? service->discardSavedState(id)
                                                                  : service->saveState(id));
        if (!done)
            status = printError(done.error());
        else
            saved.append(machineJson(context, id));
    }
    if (options.json)
        printJson(saved);
    return status;
}

} // namespace

void addSaveCommand(CommandTable& table) {
    CLI::App& command = table.add("save", "Stop machines with their state on disk; start resumes");
    auto options = std::make_shared<SaveOptions>();
    command.add_option("NAME", options->names, "Machines")->required();
    command.add_flag("--discard", options->discard, "Forget the saved state instead");
    command.add_flag("--json", options->json, "Print JSON");
    table.setAction(command,
                    [options](CommandContext& context) { return save(context, *options); });
}

} // namespace vivarium::cli
