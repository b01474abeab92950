#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

struct TypeOptions {
    std::string name;
    std::string text;
    bool enter = false;
    uint32_t delayMs = 15;
};

int type(CommandContext& context, const TypeOptions& options) {
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(options.name.c_str())));
    const auto reply = TRY_OR_EXIT(context.request(
        *machine.worker,
        control::TypeText{options.text + (options.enter ? "\n" : ""), options.delayMs}));
    if (!reply.value.skipped.empty())
        return printError(fail(ErrorCode::Unsupported,
                               "These characters are not on a US keyboard and were left out: " +
                                   reply.value.skipped));
    return kDone;
}

} // namespace

void addTypeCommand(CommandTable& table) {
    CLI::App& command = table.add("type", "Type text into a running machine");
    auto options = std::make_shared<TypeOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    command.add_option("TEXT", options->text, "Text, typed on a US keyboard")->required();
    command.add_flag("--enter", options->enter, "Press Enter after it");
    command.add_option("--delay", options->delayMs, "Milliseconds between keys")
        ->check(CLI::Range(0, 1000));
    table.setAction(command,
                    [options](CommandContext& context) { return type(context, *options); });
}

} // namespace vivarium::cli
