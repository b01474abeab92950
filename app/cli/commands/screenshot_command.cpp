#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"

#include <CLI/CLI.hpp>

#include <QFile>
#include <QSaveFile>

namespace vivarium::cli {

namespace {

constexpr uint64_t kMaxPictureBytes = 512u << 20;

Result<QByteArray> readPicture(const WorkerReply<control::ScreenshotReply>& reply) {
    if (!reply.descriptors || reply.descriptors->empty() ||
        reply.value.sizeBytes > kMaxPictureBytes)
        return fail(ErrorCode::Corrupt, "The machine's answer holds no picture.");
    QFile memory;
    QByteArray picture;
    if (memory.open(reply.descriptors->front().get(), QIODevice::ReadOnly) && memory.seek(0))
        picture = memory.read(static_cast<qint64>(reply.value.sizeBytes));
    if (static_cast<uint64_t>(picture.size()) != reply.value.sizeBytes)
        return fail(ErrorCode::Io, "The picture cannot be read from the machine.");
    return picture;
}

Result<void> writePicture(const QString& path, const QByteArray& picture) {
    if (path == QStringLiteral("-")) {
        QFile output;
        if (!output.open(stdout, QIODevice::WriteOnly) || output.write(picture) != picture.size() ||
            !output.flush())
            return fail(ErrorCode::Io, "The picture cannot be written to standard output.");
        return {};
    }
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(picture) != picture.size() || !file.commit())
        return fail(ErrorCode::Io, "The picture cannot be written to " + path.toStdString() + ": " +
                                       file.errorString().toStdString() + ".");
    return {};
}

int screenshot(CommandContext& context, const std::string& name, const std::string& path,
               bool json) {
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(name.c_str())));
    const auto reply = TRY_OR_EXIT(context.request(*machine.worker, control::Screenshot{}));
    const QByteArray picture = TRY_OR_EXIT(readPicture(reply));
    TRY_OR_EXIT(writePicture(QString::fromLocal8Bit(path.c_str()), picture));
    if (json)
        printJson(QJsonObject{{QStringLiteral("width"), static_cast<qint64>(reply.value.width)},
                              {QStringLiteral("height"), static_cast<qint64>(reply.value.height)},
                              {QStringLiteral("path"), QString::fromLocal8Bit(path.c_str())}});
    return kDone;
}

} // namespace

void addScreenshotCommand(CommandTable& table) {
    CLI::App& command = table.add("screenshot", "Write a running machine's screen to a PNG file");
    auto arguments = std::make_shared<std::pair<std::string, std::string>>();
    auto json = std::make_shared<bool>(false);
    command.add_option("NAME", arguments->first, "Machine")->required();
    command.add_option("FILE", arguments->second, "PNG file; - is standard output")->required();
    command.add_flag("--json", *json, "Print JSON");
    table.setAction(command, [arguments, json](CommandContext& context) {
        return screenshot(context, arguments->first, arguments->second, *json);
    });
}

} // namespace vivarium::cli
