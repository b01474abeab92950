#pragma once

#include "vmm/base/result.h"

#include <QString>

namespace vivarium {

// What the volume descriptors of an optical image tell.
struct IsoInfo {
    bool hasFileSystem = false; // ISO 9660; an image without one may still boot something
    bool bootable = false;      // El Torito boot record
    bool truncated = false;     // shorter than the volume says it is
    QString volumeId;
    quint64 sizeBytes = 0;
    QString guestType; // id of core/provision/guest_types
};

// Looks at an image; reads a few KiB, so it may be called where a file dialog is. Errors: NotFound,
// PermissionDenied, InvalidArgument (a folder, an empty file), Io: one sentence each.
Result<IsoInfo> inspectIso(const QString& path);

} // namespace vivarium
