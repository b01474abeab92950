#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

using PowerAction = QFuture<Result<void>> (Supervisor::*)(const MachineId&);

int forEach(CommandContext& context, const std::vector<std::string>& names, PowerAction action) {
    int status = kDone;
    for (const std::string& name : names) {
        const auto running = context.running(QString::fromLocal8Bit(name.c_str()));
        if (!running) {
            status = printError(running.error());
            continue;
        }
        const auto done = context.await((running->supervisor->*action)(running->machine->id));
        if (!done)
            status = printError(done.error());
    }
    return status;
}

void addPowerCommand(CommandTable& table, const char* name, const char* description,
                     PowerAction action) {
    CLI::App& command = table.add(name, description);
    auto names = std::make_shared<std::vector<std::string>>();
    command.add_option("NAME", *names, "Machines")->required();
    table.setAction(command, [names, action](CommandContext& context) {
        return forEach(context, *names, action);
    });
}

} // namespace

void addPowerCommands(CommandTable& table) {
    addPowerCommand(table, "pause", "Pause machines", &Supervisor::pause);
    addPowerCommand(table, "resume", "Let paused machines run on", &Supervisor::resume);
    addPowerCommand(table, "reset", "Press the reset button", &Supervisor::reset);

    CLI::App& stop = table.add("stop", "Ask guests to shut down, or cut their power");
    auto names = std::make_shared<std::vector<std::string>>();
    auto force = std::make_shared<bool>(false);
    stop.add_option("NAME", *names, "Machines")->required();
    stop.add_flag("--force", *force, "Cut the power; what the guest has not saved is lost");
    table.setAction(stop, [names, force](CommandContext& context) {
        return forEach(context, *names, *force ? &Supervisor::powerOff : &Supervisor::powerButton);
    });
}

} // namespace vivarium::cli
