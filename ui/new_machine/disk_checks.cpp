#include "ui/new_machine/disk_checks.h"

#include "core/provision/host_checks.h"
#include "ui/text/machine_text.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

namespace vivarium {

namespace {

class DiskChecks {
    Q_DECLARE_TR_FUNCTIONS(DiskChecks)
};

constexpr quint64 kSectorBytes = 512;

FieldProblem error(const QString& text) {
    return {InlineMessage::Level::Error, text};
}

} // namespace

void showProblem(InlineMessage& message, const FieldProblem& problem) {
    if (problem.text.isEmpty())
        message.clear();
    else
        message.show(problem.level, problem.text);
}

FieldProblem checkNewDisk(const QString& folder, quint64 sizeBytes, DiskAllocation allocation) {
    if (sizeBytes == 0)
        return error(DiskChecks::tr("Type a size such as “20 GB” or “512 MB”."));
    if (sizeBytes < kMinDiskBytes || sizeBytes > kMaxDiskBytes)
        return error(DiskChecks::tr("The disk must have between %1 and %2.")
                         .arg(sizeText(kMinDiskBytes), sizeText(kMaxDiskBytes)));
    const std::optional<uint64_t> known = freeBytesAt(folder);
    if (!known || *known >= sizeBytes)
        return {};
    const quint64 free = *known;
    if (allocation == DiskAllocation::Preallocated)
        return error(DiskChecks::tr("There are only %1 free; choose a smaller disk, or do not "
                                    "pre-allocate it.")
                         .arg(sizeText(free)));
    return {
        InlineMessage::Level::Warning,
        DiskChecks::tr("There are only %1 free: the guest will be paused when they are used up.")
            .arg(sizeText(free))};
}

FieldProblem checkExistingDisk(const QString& path) {
    const QFileInfo file(path);
    if (path.isEmpty())
        return error(DiskChecks::tr("Choose the file of the disk."));
    if (!file.exists())
        return error(DiskChecks::tr("There is no such file."));
    if (file.isDir())
        return error(DiskChecks::tr("This is a folder; choose the file of a disk in it."));
    if (!file.isReadable())
        return error(DiskChecks::tr("You have no permission to read this file."));
    if (file.size() == 0)
        return error(DiskChecks::tr("The file is empty."));
    if (static_cast<quint64>(file.size()) % kSectorBytes != 0 &&
        file.suffix().compare(QStringLiteral("qcow2"), Qt::CaseInsensitive) != 0)
        return {InlineMessage::Level::Warning,
                DiskChecks::tr("Its size is not a whole number of 512-byte sectors; it may not be "
                               "a raw disk image.")};
    return {};
}

FieldProblem checkMachineFolder(const QString& parentFolder, const QString& name,
                                ParentFolder kind) {
    if (!QDir::isAbsolutePath(parentFolder))
        return error(DiskChecks::tr("Give the whole path, beginning with “/”."));
    // The nearest folder that exists decides whether the new one can be made.
    QFileInfo existing(parentFolder);
    while (!existing.exists() && existing.path() != existing.filePath())
        existing = QFileInfo(existing.path());
    if (!existing.isDir())
        return error(DiskChecks::tr("This is a file, not a folder."));
    if (!existing.isWritable())
        return error(DiskChecks::tr("You have no permission to write into this folder."));
    const QString own = QDir(parentFolder).filePath(name);
    if (kind == ParentFolder::Chosen && !name.isEmpty() && QFileInfo::exists(own) &&
        !QDir(own).isEmpty())
        return error(
            DiskChecks::tr("It holds a folder with the machine's name that is not empty."));
    return {};
}

} // namespace vivarium
