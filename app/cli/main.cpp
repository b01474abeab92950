#include "app/cli/command_context.h"
#include "app/cli/commands/commands.h"
#include "app/cli/exit_status.h"
#include "app/cli/interrupt_watcher.h"

#include <CLI/CLI.hpp>

#include <QCoreApplication>

#include <cstdio>

using namespace vivarium::cli;

int main(int argc, char** argv) {
    blockInterrupts();
    QCoreApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("viv"));

    CLI::App commandLine("Vivarium's command line: machines, their screens and keys.", "viv");
    commandLine.set_version_flag("--version", "viv " VIVARIUM_VERSION);
    commandLine.require_subcommand(1);
    commandLine.get_formatter()->column_width(36);
    CommandTable table(commandLine);
    addCreateCommand(table);
    addListCommand(table);
    addInfoCommand(table);
    addSetCommand(table);
    addStartCommand(table);
    addPowerCommands(table);
    addDeleteCommand(table);
    addRenameCommand(table);
    addScreenshotCommand(table);
    addScreenCommand(table);
    addTypeCommand(table);
    addKeyCommand(table);
    addMediaCommand(table);
    addSerialCommand(table);
    addLogCommand(table);
    addWaitCommand(table);
    addRunCommand(table);
    addVncCommand(table);
    addDiskCommand(table);
    addDriveCommand(table);
    addSnapshotCommand(table);
    addSaveCommand(table);
    addCloneCommands(table);

    try {
        commandLine.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int status = commandLine.exit(error);
        return status == 0 ? kDone : kUsage; // --help and --version end here, too
    }
    CommandContext context;
    const CommandFunction* command = table.chosen();
    return command ? (*command)(context) : kUsage;
}
