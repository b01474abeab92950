#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

namespace vivarium::cli {

namespace {

int screen(CommandContext& context, const std::string& name, bool json) {
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(name.c_str())));
    const auto reply = TRY_OR_EXIT(context.request(*machine.worker, control::ScreenText{}));
    const control::ScreenTextReply& text = reply.value;
    QStringList lines;
    for (const std::string& line : text.lines)
        lines << QString::fromStdString(line);
    if (json) {
        QJsonObject object{{QStringLiteral("textMode"), text.textMode},
                           {QStringLiteral("columns"), static_cast<qint64>(text.columns)},
                           {QStringLiteral("rows"), static_cast<qint64>(text.rows)},
                           {QStringLiteral("lines"), QJsonArray::fromStringList(lines)}};
        if (text.cursorVisible)
            object.insert(
                QStringLiteral("cursor"),
                QJsonObject{{QStringLiteral("column"), static_cast<qint64>(text.cursorColumn)},
                            {QStringLiteral("row"), static_cast<qint64>(text.cursorRow)}});
        printJson(object);
        return kDone;
    }
    if (!text.textMode)
        return printError(
            fail(ErrorCode::WrongState,
                 "The guest shows graphics; \"viv screenshot\" makes a picture of it."));
    while (!lines.isEmpty() && lines.last().isEmpty())
        lines.removeLast();
    for (const QString& line : lines)
        printText(line);
    return kDone;
}

} // namespace

void addScreenCommand(CommandTable& table) {
    CLI::App& command = table.add("screen", "Print a running machine's text screen");
    auto name = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    command.add_option("NAME", *name, "Machine")->required();
    command.add_flag("--json", *json, "Print JSON");
    table.setAction(
        command, [name, json](CommandContext& context) { return screen(context, *name, *json); });
}

} // namespace vivarium::cli
