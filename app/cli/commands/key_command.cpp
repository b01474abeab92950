#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "vmm/base/key_codes.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

struct KeyOptions {
    std::string name;
    std::vector<std::string> chords;
    uint32_t holdMs = 50;
};

int key(CommandContext& context, const KeyOptions& options) {
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(options.name.c_str())));
    for (const std::string& text : options.chords) {
        const auto chord = parseKeyChord(text);
        if (!chord)
            return printError(fail(ErrorCode::InvalidArgument,
                                   "\"" + text +
                                       "\" is not a key; use names such as a, enter, f1, "
                                       "ctrl+alt+delete."));
        control::Key request;
        request.holdMs = options.holdMs;
        for (const KeyCode code : *chord)
            request.keys.emplace_back(keyCodeName(code));
        TRY_OR_EXIT(context.request(*machine.worker, request));
    }
    return kDone;
}

} // namespace

void addKeyCommand(CommandTable& table) {
    CLI::App& command = table.add("key", "Press keys in a running machine");
    auto options = std::make_shared<KeyOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    command
        .add_option("KEYS", options->chords, "Keys one after the other: esc, f12, ctrl+alt+delete")
        ->required();
    command.add_option("--hold", options->holdMs, "Milliseconds a key is held")
        ->check(CLI::Range(0, 10'000));
    table.setAction(command, [options](CommandContext& context) { return key(context, *options); });
}

} // namespace vivarium::cli
