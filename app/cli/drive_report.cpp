#include "app/cli/drive_report.h"

#include "core/disks/chain_resolver.h"
#include "core/jobs/background.h"
#include "core/model/setting_names.h"

#include <QFileInfo>
#include <QJsonObject>

namespace vivarium::cli {

namespace {

DriveReport reportDrive(const DriveSettings& drive, ChainResolver& resolver) {
    DriveReport report{drive, {}, {}};
    if (drive.path.isEmpty())
        return report;
    DriveSettings read = drive;
    read.readOnly = true; // nobody writes here
    if (!QFileInfo::exists(drive.path)) {
        report.problem = QStringLiteral("%1 does not exist.").arg(drive.path);
    } else if (auto chain = resolver.resolve(read)) {
        report.chain = *chain;
    } else {
        report.problem = QString::fromStdString(chain.error().detail);
    }
    return report;
}

QJsonObject toJson(const DriveReport& report) {
    const DriveSettings& drive = report.drive;
    QJsonObject object{{QStringLiteral("type"), nameOf(drive.type)},
                       {QStringLiteral("bus"), nameOf(drive.bus)},
                       {QStringLiteral("port"), static_cast<qint64>(drive.port)},
                       {QStringLiteral("path"), drive.path},
                       {QStringLiteral("format"), nameOf(drive.format)},
                       {QStringLiteral("cacheMode"), nameOf(drive.cacheMode)},
                       {QStringLiteral("onError"), nameOf(drive.onError)},
                       {QStringLiteral("onFull"), nameOf(drive.onFull)},
                       {QStringLiteral("readOnly"), drive.readOnly}};
    if (!report.problem.isEmpty())
        object.insert(QStringLiteral("problem"), report.problem);
    if (report.chain.isEmpty())
        return object;
    object.insert(QStringLiteral("virtualSizeBytes"),
                  static_cast<qint64>(report.chain.last().sizeBytes));
    QJsonArray chain;
    for (const DiskLayer& layer : report.chain)
        chain.append(QJsonObject{
            {QStringLiteral("path"), layer.path},
            {QStringLiteral("format"), nameOf(layer.format)},
            {QStringLiteral("virtualSizeBytes"), static_cast<qint64>(layer.sizeBytes)}});
    object.insert(QStringLiteral("chain"), chain);
    return object;
}

} // namespace

Result<QList<DriveReport>> reportDrives(CommandContext& context, const Machine& machine) {
    Library* library = TRY(context.library());
    QStringList disks;
    for (const DriveSettings& drive : machine.settings.drives)
        if (drive.type == DriveType::HardDisk)
            disks << drive.path;
    const QList<DiskLayer> known = TRY(context.await(library->layersOf(disks)));
    return context.await(runInBackground<QList<DriveReport>>(
        [known, drives = machine.settings.drives](Progress&) -> Result<QList<DriveReport>> {
            const ToolInspector inspector;
            ChainResolver resolver(known, inspector);
            QList<DriveReport> reports;
            for (const DriveSettings& drive : drives)
                reports.append(reportDrive(drive, resolver));
            return reports;
        }));
}

QJsonArray toJson(const QList<DriveReport>& reports) {
    QJsonArray array;
    for (const DriveReport& report : reports)
        array.append(toJson(report));
    return array;
}

} // namespace vivarium::cli
