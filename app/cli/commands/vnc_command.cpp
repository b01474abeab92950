#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

int vnc(CommandContext& context, const std::string& name, bool json) {
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(name.c_str())));
    const QString address = machine.supervisor->vncAddress(machine.machine->id);
    if (address.isEmpty())
        return printError(
            fail(ErrorCode::WrongState,
                 "The machine has no VNC server; switch it on with \"viv set --vnc on\" "
                 "while the machine is off."));
    if (json)
        printJson(QJsonObject{
            {QStringLiteral("address"), address},
            {QStringLiteral("password"), !machine.machine->settings.vnc.password.isEmpty()}});
    else
        printText(address);
    return kDone;
}

} // namespace

void addVncCommand(CommandTable& table) {
    CLI::App& command = table.add("vnc", "Print the address of a running machine's VNC server");
    auto name = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    command.add_option("NAME", *name, "Machine")->required();
    command.add_flag("--json", *json, "Print JSON");
    table.setAction(command,
                    [name, json](CommandContext& context) { return vnc(context, *name, *json); });
}

} // namespace vivarium::cli
