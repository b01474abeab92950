#include "app/cli/machine_json.h"

#include "core/model/settings_json.h"

#include <QJsonArray>

namespace vivarium::cli {

namespace {

QString fromView(std::string_view text) {
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

} // namespace

QJsonObject summaryJson(const Machine& machine, const MachineStatus& status) {
    return {
        {QStringLiteral("id"), machine.id.toString()},
        {QStringLiteral("name"), machine.settings.name},
        {QStringLiteral("group"), machine.group},
        {QStringLiteral("state"), fromView(control::machineStateName(status.state))},
        {QStringLiteral("memoryMiB"), static_cast<qint64>(machine.settings.memoryMiB)},
        {QStringLiteral("cpuCount"), static_cast<qint64>(machine.settings.cpuCount)},
        {QStringLiteral("tags"), QJsonArray::fromStringList(machine.tags)},
    };
}

QJsonObject detailJson(const Machine& machine, const MachineStatus& status) {
    QJsonObject object = summaryJson(machine, status);
    object.insert(QStringLiteral("stopReason"), fromView(control::stopReasonName(status.reason)));
    object.insert(QStringLiteral("detail"), status.detail);
    object.insert(QStringLiteral("notes"), machine.notes);
    object.insert(QStringLiteral("folder"), machine.folder);
    object.insert(QStringLiteral("createdAt"), machine.createdAt.toString(Qt::ISODate));
    object.insert(QStringLiteral("settings"), toJson(machine.settings));
    return object;
}

QJsonObject machineJson(CommandContext& context, const MachineId& id) {
    const auto library = context.library();
    const auto supervisor = context.supervisor();
    const Machine* machine = library ? (*library)->find(id) : nullptr;
    return machine && supervisor ? summaryJson(*machine, (*supervisor)->status(id)) : QJsonObject();
}

} // namespace vivarium::cli
