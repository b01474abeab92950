#pragma once

#include "core/model/disk_layer.h"
#include "core/model/machine.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QList>
#include <QString>

#include <vector>

namespace vivarium {

// One open file of a disk's chain.
struct OpenedImage {
    UniqueFd fd;
    DiskFormat format = DiskFormat::Raw;
};

// Opens the files that a guest may use, with the checks that make a clear sentence of what is
// wrong, and locks them: a writable disk for one machine alone, read-only media and the layers
// below a disk's top for any number. The lock belongs to the open file, so it passes to the worker
// and ends with it. May block (network file systems): not on the main thread.
class ImageFiles {
public:
    // `others`: the library's other machines, to name the one that uses a file.
    explicit ImageFiles(QList<Machine> others) : m_others(std::move(others)) {}

    // The image of a disk or optical drive. Errors: NotFound, PermissionDenied, InvalidArgument (a
    // folder), Corrupt (truncated), Busy (in use by a machine, which it names).
    Result<UniqueFd> openDrive(const DriveSettings& drive) const;
    // All files of a drive's disk, base first; `chain` is ChainResolver's. The layers below the top
    // are open for reading. Errors besides, which name both files: Busy (somebody writes to a layer
    // below).
    Result<std::vector<OpenedImage>> openDisk(const DriveSettings& drive,
                                              const QList<DiskLayer>& chain) const;
    // A file that is read whole: kernel, initial RAM disk. `what` begins the sentence ("The
    // kernel").
    Result<UniqueFd> openForReading(const QString& path, const QString& what) const;

private:
    Result<void> lock(int fd, const DriveSettings& drive) const;
    Result<UniqueFd> openLayer(const DiskLayer& layer, const QString& above) const;
    QString userOf(const QString& path) const;

    QList<Machine> m_others;
};

} // namespace vivarium
