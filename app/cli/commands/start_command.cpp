#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

#include <QCoreApplication>
#include <QDir>
#include <QProcess>

#include <csignal>

namespace vivarium::cli {

namespace {

struct StartOptions {
    std::vector<std::string> names;
    bool headless = false;
};

bool hasDisplay() {
    return qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY");
}

// The application shows the console of a machine that runs already.
Result<void> showConsole(const MachineId& id) {
    const QString program =
        QDir(QCoreApplication::applicationDirPath()).filePath(QStringLiteral("vivarium"));
    QProcess application;
    application.setProgram(program);
    application.setArguments({QStringLiteral("--show"), id.toString()});
    application.setStandardInputFile(QProcess::nullDevice());
    // viv takes its signals from a descriptor; the application must get them as they are.
    application.setChildProcessModifier([] {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
    });
    if (!application.startDetached())
        return fail(ErrorCode::NotFound, "The machine runs, but the application " +
                                             program.toStdString() + " cannot be started.");
    return {};
}

int start(CommandContext& context, const StartOptions& options) {
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    int status = kDone;
    for (const std::string& name : options.names) {
        const Machine* machine = TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(name.c_str())));
        const MachineId id = machine->id;
        auto started = context.await(supervisor->start(id));
        if (started && !options.headless && hasDisplay())
            started = showConsole(id);
        if (!started)
            status = printError(started.error());
    }
    return status;
}

} // namespace

void addStartCommand(CommandTable& table) {
    CLI::App& command = table.add("start", "Start machines");
    auto options = std::make_shared<StartOptions>();
    command.add_option("NAME", options->names, "Machines")->required();
    command.add_flag("--headless", options->headless, "Open no window");
    table.setAction(command,
                    [options](CommandContext& context) { return start(context, *options); });
}

} // namespace vivarium::cli
