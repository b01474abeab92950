#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/format_lookup.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

struct SetOptions {
    std::string name;
    std::optional<std::string> group;
    std::optional<std::vector<std::string>> tags;
    std::optional<std::string> notes;
    HardwareOptions hardware;
};

int set(CommandContext& context, const SetOptions& options) {
    Machine machine = *TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    const MachineSettings before = machine.settings;
    Library* library = TRY_OR_EXIT(context.library());
    TRY_OR_EXIT(options.hardware.apply(machine.settings, formatLookup(context, library)));
    TRY_OR_EXIT(requireValid(machine.settings));
    if (options.group)
        machine.group = QString::fromLocal8Bit(options.group->c_str());
    if (options.notes)
        machine.notes = QString::fromLocal8Bit(options.notes->c_str());
    if (options.tags) {
        machine.tags.clear();
        for (const std::string& tag : *options.tags)
            if (!tag.empty())
                machine.tags << QString::fromLocal8Bit(tag.c_str());
    }
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    if (machine.settings != before && supervisor->connection(machine.id))
        return printError(fail(ErrorCode::WrongState,
                               "Machine \"" + printable(before.name).toStdString() +
                                   "\" is running; its hardware can be changed when it is off "
                                   "(drives and media: viv drive, viv media)."));
    TRY_OR_EXIT(context.await(library->update(machine)));
    return kDone;
}

} // namespace

void addSetCommand(CommandTable& table) {
    CLI::App& command = table.add("set", "Change a machine's settings");
    auto options = std::make_shared<SetOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    command.add_option("--group", options->group, "Move to this group; \"\" is the top level");
    command.add_option("--tag", options->tags, "Replace the tags; may be repeated")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--notes", options->notes, "Replace the notes");
    options->hardware.addTo(command);
    table.setAction(command, [options](CommandContext& context) { return set(context, *options); });
}

} // namespace vivarium::cli
