#include "core/disks/disk_format.h"

#include "core/disks/no_progress.h"

#include <string>

namespace vivarium {

using namespace Qt::StringLiterals;

std::optional<DiskFormat> formatInUse(const QList<Machine>& machines, const QString& path) {
    for (const Machine& machine : machines)
        for (const DriveSettings& drive : machine.settings.drives)
            if (drive.type == DriveType::HardDisk && drive.path == path)
                return drive.format;
    return std::nullopt;
}

Result<DiskFormat> detectFormat(const QString& path, const ImageTool& tool) {
    NoProgress progress;
    const control::ImageInfo info = TRY(tool.info(path, control::ImageKind::Detect, progress));
    if (control::isForeign(info.kind))
        return fail(
            ErrorCode::Unsupported,
            u"%1 is a %2 image; convert it with “viv disk convert” and attach the result."_s
                .arg(path, QString::fromStdString(std::string(control::imageKindName(info.kind)))
                               .toUpper())
                .toStdString());
    return info.kind == control::ImageKind::Qcow2 ? DiskFormat::Qcow2 : DiskFormat::Raw;
}

} // namespace vivarium
