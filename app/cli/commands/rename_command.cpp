#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/hardware_options.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

void addRenameCommand(CommandTable& table) {
    CLI::App& command = table.add("rename", "Rename a machine, running or not");
    auto names = std::make_shared<std::pair<std::string, std::string>>();
    command.add_option("NAME", names->first, "Machine")->required();
    command.add_option("NEW_NAME", names->second, "Its new name")->required();
    table.setAction(command, [names](CommandContext& context) -> int {
        Machine machine =
            *TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(names->first.c_str())));
        machine.settings.name = QString::fromLocal8Bit(names->second.c_str());
        TRY_OR_EXIT(requireValid(machine.settings));
        Library* library = TRY_OR_EXIT(context.library());
        TRY_OR_EXIT(context.await(library->update(machine)));
        return kDone;
    });
}

} // namespace vivarium::cli
