#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

#include <QFile>
#include <QFileSystemWatcher>

namespace vivarium::cli {

namespace {

struct LogOptions {
    std::string name;
    bool follow = false;
    bool events = false;
    bool json = false;
};

int printEvents(CommandContext& context, const MachineId& id, bool json) {
    Library* library = TRY_OR_EXIT(context.library());
    auto future = library->events(id);
    future.waitForFinished();
    QJsonArray array;
    for (const MachineEvent& event : future.result()) {
        const QString time = event.time.toString(Qt::ISODate);
        if (json)
            array.append(QJsonObject{{QStringLiteral("time"), time},
                                     {QStringLiteral("event"), eventKindName(event.kind)},
                                     {QStringLiteral("detail"), event.detail}});
        else
            printText(QStringLiteral("%1  %2  %3")
                          .arg(time, eventKindName(event.kind).leftJustified(17),
                               printable(event.detail)));
    }
    if (json)
        printJson(array);
    return kDone;
}

void printRest(QFile& file) {
    const QByteArray rest = file.readAll();
    if (!rest.isEmpty())
        printText(QString::fromUtf8(rest));
}

int log(CommandContext& context, const LogOptions& options) {
    const Machine* machine =
        TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    const MachineId id = machine->id;
    if (options.events)
        return printEvents(context, id, options.json);
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    QFile file(supervisor->logPath(id));
    if (!file.open(QIODevice::ReadOnly))
        return printError(
            fail(ErrorCode::NotFound, "There is no log yet: the machine has not run."));
    printRest(file);
    if (!options.follow)
        return kDone;
    QFileSystemWatcher watcher({file.fileName()});
    QObject::connect(&watcher, &QFileSystemWatcher::fileChanged, [&file] { printRest(file); });
    CommandContext::Waiter waiter;
    (void)waiter.wait(-1); // ends by an interrupt only
    return kDone;
}

} // namespace

void addLogCommand(CommandTable& table) {
    CLI::App& command = table.add("log", "Print a machine's log or its history");
    auto options = std::make_shared<LogOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    command.add_flag("--follow,-f", options->follow, "Go on printing until interrupted");
    auto* events =
        command.add_flag("--events", options->events, "The history instead: started, stopped");
    command.add_flag("--json", options->json, "Print the history as JSON")->needs(events);
    table.setAction(command, [options](CommandContext& context) { return log(context, *options); });
}

} // namespace vivarium::cli
