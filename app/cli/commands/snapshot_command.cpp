#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/operation_wait.h"
#include "core/model/settings_json.h"
#include "core/snapshots/timeline_follower.h"

#include <CLI/CLI.hpp>

#include <QHash>
#include <QJsonArray>

namespace vivarium::cli {

namespace {

struct SnapshotOptions {
    std::string name;
    std::string snapshot;
    std::string description;
    bool children = false;
    bool json = false;
    bool off = false;
    bool follow = false;
    std::optional<std::string> title;
    std::optional<std::string> newDescription;
    std::optional<int> every, keepAll, keepHourly, keepDaily;
};

QString text(const std::string& argument) {
    return QString::fromLocal8Bit(argument.c_str());
}

// What a command about one machine's snapshots works with.
struct Subject {
    SnapshotService* service;
    MachineId machine;
    QString name;
};

Result<Subject> subject(CommandContext& context, const SnapshotOptions& options) {
    SnapshotService* service = TRY(context.snapshots());
    const Machine* machine = TRY(context.machine(text(options.name)));
    return Subject{service, machine->id, machine->settings.name};
}

QJsonObject snapshotJson(const Subject& of, const Snapshot& snapshot) {
    return {
        {QStringLiteral("id"), snapshot.id.toString()},
        {QStringLiteral("parent"),
         snapshot.parent.isNull() ? QJsonValue() : QJsonValue(snapshot.parent.toString())},
        {QStringLiteral("name"), snapshot.name},
        {QStringLiteral("description"), snapshot.description},
        {QStringLiteral("createdAt"), snapshot.createdAt.toString(Qt::ISODateWithMs)},
        {QStringLiteral("memory"), snapshot.hasMemory},
        {QStringLiteral("automatic"), snapshot.automatic},
        {QStringLiteral("current"), of.service->current(of.machine) == snapshot.id},
        {QStringLiteral("thumbnail"), snapshot.thumbnailPath},
    };
}

int take(CommandContext& context, const SnapshotOptions& options) {
    const Subject of = TRY_OR_EXIT(subject(context, options));
    const SnapshotId id = TRY_OR_EXIT(awaitOperation(
        context, of.service->take(of.machine, text(options.snapshot), text(options.description))));
    const auto taken = of.service->find(of.machine, id);
    if (options.json)
        printJson(taken ? snapshotJson(of, *taken) : QJsonObject());
    else
        printText(id.toString());
    return kDone;
}

void printTree(const Subject& of, const QHash<SnapshotId, QList<Snapshot>>& children,
               const SnapshotId& parent, int depth, QStringList& lines) {
    for (const Snapshot& snapshot : children.value(parent)) {
        lines << QStringLiteral("%1%2  %3  %4%5")
                     .arg(QString(depth * 2, u' '), snapshot.id.toString().left(8),
                          snapshot.createdAt.toLocalTime().toString(Qt::ISODate),
                          printable(snapshot.name),
                          snapshot.hasMemory ? QString() : QStringLiteral("  (powered off)"));
        printTree(of, children, snapshot.id, depth + 1, lines);
    }
    if (of.service->current(of.machine) == parent)
        lines << QString(depth * 2, u' ') + (of.service->currentStateChanged(of.machine)
                                                 ? QStringLiteral("* Current state (changed)")
                                                 : QStringLiteral("* Current state"));
}

int list(CommandContext& context, const SnapshotOptions& options) {
    const Subject of = TRY_OR_EXIT(subject(context, options));
    const QList<Snapshot> all = of.service->snapshots(of.machine);
    if (options.json) {
        QJsonArray array;
        for (const Snapshot& snapshot : all)
            array.append(snapshotJson(of, snapshot));
        printJson(array);
        return kDone;
    }
    QHash<SnapshotId, QList<Snapshot>> children;
    for (const Snapshot& snapshot : all)
        children[snapshot.parent].append(snapshot);
    QStringList lines;
    printTree(of, children, SnapshotId(), 0, lines);
    printText(lines.join(u'\n'));
    return kDone;
}

int show(CommandContext& context, const SnapshotOptions& options) {
    const Subject of = TRY_OR_EXIT(subject(context, options));
    const SnapshotId id = TRY_OR_EXIT(of.service->resolve(of.machine, text(options.snapshot)));
    const Snapshot snapshot = of.service->find(of.machine, id).value_or(Snapshot());
    const MachineSettings settings = TRY_OR_EXIT(context.await(of.service->settings(id)));
    const QStringList users = TRY_OR_EXIT(context.await(of.service->dependents(id)));
    if (options.json) {
        QJsonObject object = snapshotJson(of, snapshot);
        object.insert(QStringLiteral("settings"), toJson(settings));
        object.insert(QStringLiteral("dependents"), QJsonArray::fromStringList(users));
        printJson(object);
        return kDone;
    }
    QStringList lines{
        QStringLiteral("Name:        ") + printable(snapshot.name),
        QStringLiteral("Id:          ") + snapshot.id.toString(),
        QStringLiteral("Taken:       ") + snapshot.createdAt.toLocalTime().toString(Qt::ISODate),
        QStringLiteral("Machine was: ") +
            (snapshot.hasMemory ? QStringLiteral("running") : QStringLiteral("powered off"))};
    if (!snapshot.description.isEmpty())
        lines << QStringLiteral("Description: ") + printable(snapshot.description);
    if (!snapshot.thumbnailPath.isEmpty())
        lines << QStringLiteral("Picture:     ") + printable(snapshot.thumbnailPath);
    for (const DriveSettings& drive : settings.drives)
        lines << QStringLiteral("Drive:       ") + printable(drive.path);
    if (!users.isEmpty())
        lines << QStringLiteral("Needed by:   ") + printable(users.join(QStringLiteral(", ")));
    printText(lines.join(u'\n'));
    return kDone;
}

int restore(CommandContext& context, const SnapshotOptions& options) {
    const Subject of = TRY_OR_EXIT(subject(context, options));
    const SnapshotId id = TRY_OR_EXIT(of.service->resolve(of.machine, text(options.snapshot)));
    TRY_OR_EXIT(awaitOperation(context, of.service->restore(of.machine, id)));
    return options.json ? list(context, options) : kDone;
}

int remove(CommandContext& context, const SnapshotOptions& options) {
    const Subject of = TRY_OR_EXIT(subject(context, options));
    const SnapshotId id = TRY_OR_EXIT(of.service->resolve(of.machine, text(options.snapshot)));
    TRY_OR_EXIT(awaitOperation(context, of.service->remove(of.machine, id,
                                                           options.children
                                                               ? SnapshotService::Children::Remove
                                                               : SnapshotService::Children::Keep)));
    return options.json ? list(context, options) : kDone;
}

int set(CommandContext& context, const SnapshotOptions& options) {
    const Subject of = TRY_OR_EXIT(subject(context, options));
    const SnapshotId id = TRY_OR_EXIT(of.service->resolve(of.machine, text(options.snapshot)));
    const Snapshot before = of.service->find(of.machine, id).value_or(Snapshot());
    TRY_OR_EXIT(context.await(of.service->describe(
        of.machine, id, options.title ? text(*options.title) : before.name,
        options.newDescription ? text(*options.newDescription) : before.description)));
    if (!options.json)
        return kDone;
    const auto changed = of.service->find(of.machine, id);
    printJson(changed ? snapshotJson(of, *changed) : QJsonObject());
    return kDone;
}

// Takes the machine's automatic snapshots until it stops, or shall have none.
int follow(CommandContext& context, const SnapshotOptions& options) {
    Library* library = TRY_OR_EXIT(context.library());
    const Machine* machine = TRY_OR_EXIT(context.machine(text(options.name)));
    const MachineId id = machine->id;
    const auto lock = TRY_OR_EXIT(timeline::FollowerLock::acquire(machine->folder));
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    SnapshotService* service = TRY_OR_EXIT(context.snapshots());
    TRY_OR_EXIT(context.running(text(options.name)));
    CommandContext::Waiter waiter;
    QObject scope;
    const auto look = [&] {
        const Machine* now = library->find(id);
        if (!now || !now->timeline.enabled || !supervisor->connection(id))
            waiter.finish();
    };
    QObject::connect(supervisor, &Supervisor::statusChanged, &scope, look);
    QObject::connect(library, &Library::machineChanged, &scope, look);
    QObject::connect(library, &Library::machineRemoved, &scope, look);
    service->followTimeline(id);
    look();
    const auto waited = waiter.wait(-1);
    return waited ? kDone : printError(waited.error());
}

int timeline(CommandContext& context, const SnapshotOptions& options) {
    if (options.follow)
        return follow(context, options);
    const Subject of = TRY_OR_EXIT(subject(context, options));
    TimelineSettings settings = of.service->timeline(of.machine);
    const TimelineSettings before = settings;
    if (options.every) {
        settings.enabled = true;
        settings.intervalMinutes = *options.every;
    }
    if (options.off)
        settings.enabled = false;
    settings.keepAllHours = options.keepAll.value_or(settings.keepAllHours);
    settings.keepHourlyHours = options.keepHourly.value_or(settings.keepHourlyHours);
    settings.keepDailyDays = options.keepDaily.value_or(settings.keepDailyDays);
    if (settings != before)
        TRY_OR_EXIT(context.await(of.service->setTimeline(of.machine, settings)));
    if (options.json) {
        printJson(QJsonObject{{QStringLiteral("enabled"), settings.enabled},
                              {QStringLiteral("intervalMinutes"), settings.intervalMinutes},
                              {QStringLiteral("keepAllHours"), settings.keepAllHours},
                              {QStringLiteral("keepHourlyHours"), settings.keepHourlyHours},
                              {QStringLiteral("keepDailyDays"), settings.keepDailyDays}});
        return kDone;
    }
    if (!settings.enabled) {
        printText(QStringLiteral("No automatic snapshots."));
        return kDone;
    }
    printText(
        QStringLiteral("A snapshot every %1 minutes; all of %2 hours are kept, one an hour for "
                       "%3 hours, one a day for %4 days.")
            .arg(settings.intervalMinutes)
            .arg(settings.keepAllHours)
            .arg(settings.keepHourlyHours)
            .arg(settings.keepDailyDays));
    return kDone;
}

using Action = int (*)(CommandContext&, const SnapshotOptions&);

} // namespace

void addSnapshotCommand(CommandTable& table) {
    CLI::App& snapshot = table.add("snapshot", "Take snapshots, and return to them");
    snapshot.require_subcommand(1);
    const auto add = [&](const char* name, const char* description, Action action,
                         const std::shared_ptr<SnapshotOptions>& options) -> CLI::App& {
        CLI::App& command = *snapshot.add_subcommand(name, description);
        command.add_option("NAME", options->name, "Machine")->required();
        table.setAction(command, [options, action](CommandContext& context) {
            return action(context, *options);
        });
        return command;
    };
    const auto addSnapshotOption = [](CLI::App& command, SnapshotOptions& options) {
        command.add_option("SNAPSHOT", options.snapshot, "Its name, or the beginning of its id")
            ->required();
    };

    auto taken = std::make_shared<SnapshotOptions>();
    CLI::App& takeCommand =
        add("take", "Keep what the machine is now; a guest runs on meanwhile", take, taken);
    takeCommand.add_option("TITLE", taken->snapshot,
                           "The snapshot's name; \"Snapshot N\" otherwise");
    takeCommand.add_option("--description", taken->description, "What it is");
    takeCommand.add_flag("--json", taken->json, "Print JSON");

    auto listed = std::make_shared<SnapshotOptions>();
    add("list", "Show the tree of snapshots", list, listed)
        .add_flag("--json", listed->json, "Print JSON");

    auto shown = std::make_shared<SnapshotOptions>();
    CLI::App& showCommand = add("show", "Show one snapshot", show, shown);
    addSnapshotOption(showCommand, *shown);
    showCommand.add_flag("--json", shown->json, "Print JSON");

    auto named = std::make_shared<SnapshotOptions>();
    CLI::App& setCommand = add("set", "Give a snapshot another name or description", set, named);
    addSnapshotOption(setCommand, *named);
    setCommand.add_option("--title", named->title, "The snapshot's new name");
    setCommand.add_option("--description", named->newDescription, "What it is");
    setCommand.add_flag("--json", named->json, "Print the snapshot as JSON");

    auto restored = std::make_shared<SnapshotOptions>();
    CLI::App& restoreCommand =
        add("restore", "Make the machine what it was; what it is now is lost", restore, restored);
    addSnapshotOption(restoreCommand, *restored);
    restoreCommand.add_flag("--json", restored->json, "Print the tree then as JSON");

    auto removed = std::make_shared<SnapshotOptions>();
    CLI::App& removeCommand =
        add("delete", "Delete a snapshot, not what came after it", remove, removed);
    addSnapshotOption(removeCommand, *removed);
    removeCommand.add_flag("--children", removed->children, "And all snapshots below it");
    removeCommand.add_flag("--json", removed->json, "Print the tree then as JSON");

    auto timed = std::make_shared<SnapshotOptions>();
    CLI::App& timelineCommand =
        add("timeline", "Show or change when snapshots are taken automatically", timeline, timed);
    timelineCommand.add_option("--every", timed->every, "Minutes between two of them");
    timelineCommand.add_flag("--off", timed->off, "No more automatic snapshots");
    timelineCommand.add_option("--keep-all", timed->keepAll, "Hours for which all are kept");
    timelineCommand.add_option("--keep-hourly", timed->keepHourly,
                               "Hours for which one an hour is kept");
    timelineCommand.add_option("--keep-daily", timed->keepDaily,
                               "Days for which one a day is kept");
    timelineCommand.add_flag("--follow", timed->follow,
                             "Take them until the machine stops (started by itself)");
    timelineCommand.add_flag("--json", timed->json, "Print JSON");
}

} // namespace vivarium::cli
