#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/machine_json.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

struct ListOptions {
    std::string group;
    std::string tag;
    bool names = false;
    bool json = false;
};

bool isListed(const Machine& machine, const ListOptions& options) {
    const QString group = QString::fromLocal8Bit(options.group.c_str());
    if (!group.isEmpty() && machine.group != group && !machine.group.startsWith(group + u'/'))
        return false;
    return options.tag.empty() ||
           machine.tags.contains(QString::fromLocal8Bit(options.tag.c_str()));
}

int list(CommandContext& context, const ListOptions& options) {
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    Library* library = TRY_OR_EXIT(context.library());
    QJsonArray array;
    QStringList lines;
    for (const Machine& machine : library->machines()) {
        if (!isListed(machine, options))
            continue;
        const QJsonObject summary = summaryJson(machine, supervisor->status(machine.id));
        if (options.json)
            array.append(summary);
        else if (options.names)
            lines << printable(machine.settings.name);
        else
            lines << QStringLiteral("%1  %2  %3")
                         .arg(machine.id.toString(),
                              summary.value(QStringLiteral("state")).toString().leftJustified(11),
                              printable(machine.settings.name));
    }
    if (options.json)
        printJson(array);
    else if (!lines.isEmpty())
        printText(lines.join(u'\n'));
    return kDone;
}

} // namespace

void addListCommand(CommandTable& table) {
    CLI::App& command = table.add("list", "List the machines and what they are doing");
    auto options = std::make_shared<ListOptions>();
    command.add_option("--group", options->group, "Only this group and its subgroups");
    command.add_option("--tag", options->tag, "Only machines with this tag");
    command.add_flag("--names", options->names, "Print names only");
    command.add_flag("--json", options->json, "Print JSON");
    table.setAction(command,
                    [options](CommandContext& context) { return list(context, *options); });
}

} // namespace vivarium::cli
