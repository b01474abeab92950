#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/machine_json.h"
#include "app/cli/named_value.h"
#include "app/cli/operation_wait.h"

#include <CLI/CLI.hpp>

#include <QJsonArray>

#include <algorithm>

namespace vivarium::cli {

namespace {

struct CopyOptions {
    std::string name;
    std::string newName;
    std::string snapshot;
    std::optional<std::string> macPolicy;
    std::vector<std::string> names;
    int count = 1;
    bool linked = false;
    bool off = false;
    bool json = false;
};

QString text(const std::string& argument) {
    return QString::fromLocal8Bit(argument.c_str());
}

int clone(CommandContext& context, const CopyOptions& options) {
    SnapshotService* service = TRY_OR_EXIT(context.snapshots());
    SnapshotService::Source source;
    source.machine = TRY_OR_EXIT(context.machine(text(options.name)))->id;
    if (!options.snapshot.empty())
        source.snapshot = TRY_OR_EXIT(service->resolve(source.machine, text(options.snapshot)));
    MacPolicy macPolicy = MacPolicy::New;
    TRY_OR_EXIT(applyName("--mac", options.macPolicy, macPolicy));
    const QString name = text(options.newName);
    const MachineId id = TRY_OR_EXIT(
        awaitOperation(context, options.linked ? service->cloneLinked(source, name, macPolicy)
                                               : service->cloneFull(source, name, macPolicy)));
    if (options.json)
        printJson(machineJson(context, id));
    else
        printText(id.toString());
    return kDone;
}

// The copies run when they are forked; that their workers have said so is waited for.
Result<void> awaitConnections(CommandContext& context, const QList<MachineId>& ids) {
    constexpr int kTimeoutMs = 10'000;
    const Supervisor* supervisor = TRY(context.supervisor());
    CommandContext::Waiter waiter;
    QObject scope;
    const auto look = [&] {
        if (std::none_of(ids.begin(), ids.end(), [supervisor](const MachineId& id) {
                return supervisor->status(id).state == MachineState::Starting;
            }))
            waiter.finish();
    };
    QObject::connect(supervisor, &Supervisor::statusChanged, &scope, look);
    look();
    return waiter.wait(kTimeoutMs);
}

int fork(CommandContext& context, const CopyOptions& options) {
    SnapshotService* service = TRY_OR_EXIT(context.snapshots());
    const MachineId machine = TRY_OR_EXIT(context.machine(text(options.name)))->id;
    QStringList names;
    for (const std::string& name : options.names)
        names << text(name);
    const QList<MachineId> ids =
        TRY_OR_EXIT(awaitOperation(context, service->fork(machine, options.count, names)));
    TRY_OR_EXIT(awaitConnections(context, ids));
    QJsonArray array;
    QStringList lines;
    for (const MachineId& id : ids) {
        array.append(machineJson(context, id));
        lines << id.toString();
    }
    if (options.json)
        printJson(array);
    else
        printText(lines.join(u'\n'));
    return kDone;
}

int setTemplate(CommandContext& context, const CopyOptions& options) {
    SnapshotService* service = TRY_OR_EXIT(context.snapshots());
    const MachineId machine = TRY_OR_EXIT(context.machine(text(options.name)))->id;
    TRY_OR_EXIT(context.await(service->setTemplate(
        machine, options.off ? SnapshotService::Template::No : SnapshotService::Template::Yes)));
    if (options.json)
        printJson(machineJson(context, machine));
    return kDone;
}

} // namespace

void addCloneCommands(CommandTable& table) {
    CLI::App& copy = table.add("clone", "Make a new machine that is a copy of another");
    auto copied = std::make_shared<CopyOptions>();
    copy.add_option("NAME", copied->name, "Machine")->required();
    copy.add_option("NEW_NAME", copied->newName, "Name of the copy; \"NAME Clone\" otherwise");
    copy.add_option("--snapshot", copied->snapshot, "Copy this snapshot instead of what it is now");
    copy.add_option("--mac", copied->macPolicy, "MAC addresses of its network adapters: new, keep");
    copy.add_flag("--linked", copied->linked, "Share the disks' present contents: made at once");
    copy.add_flag("--json", copied->json, "Print JSON");
    table.setAction(copy, [copied](CommandContext& context) { return clone(context, *copied); });

    CLI::App& forks = table.add("fork", "Make running copies of a running machine");
    auto forked = std::make_shared<CopyOptions>();
    forks.add_option("NAME", forked->name, "Machine")->required();
    forks.add_option("--count", forked->count, "How many, 1 to 64");
    forks.add_option("--name", forked->names, "Name of a copy; repeatable");
    forks.add_flag("--json", forked->json, "Print JSON");
    table.setAction(forks, [forked](CommandContext& context) { return fork(context, *forked); });

    CLI::App& model = table.add("template", "Keep a machine as it is, for linked clones");
    auto kept = std::make_shared<CopyOptions>();
    model.add_option("NAME", kept->name, "Machine")->required();
    model.add_flag("--off", kept->off, "Let it be an ordinary machine again");
    model.add_flag("--json", kept->json, "Print JSON");
    table.setAction(model, [kept](CommandContext& context) { return setTemplate(context, *kept); });
}

} // namespace vivarium::cli
