#pragma once

#include "app/cli/command_context.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace vivarium::cli {

// One verb of a command, such as "disk resize": what is parsed into, and the function that gets it.
template <class Options>
struct SubCommand {
    using Function = int (*)(CommandContext&, const Options&);

    CLI::App& command;
    std::shared_ptr<Options> options = std::make_shared<Options>();

    SubCommand(CommandTable& table, CLI::App& parent, const char* name, const char* description,
               Function function)
        : command(*parent.add_subcommand(name, description)) {
        table.setAction(command, [shared = options, function](CommandContext& context) {
            return function(context, *shared);
        });
    }
};

} // namespace vivarium::cli
