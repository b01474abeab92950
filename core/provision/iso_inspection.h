#pragma once

#include "core/provision/guest_types.h"
#include "vmm/base/bytes.h"
#include "vmm/base/result.h"

#include <QFuture>
#include <QString>

#include <cstdint>

namespace vivarium {

// What a medium says about itself in its volume descriptors.
struct IsoInfo {
    bool iso9660 = false;  // has a primary volume descriptor
    bool bootable = false; // has an El Torito boot record
    QString volumeId;      // "Debian 12.5.0 amd64 n"
    QString applicationId;
    uint64_t statedBytes = 0; // size of the volume by its own word; a shorter file is truncated
    uint64_t fileBytes = 0;
    QString guestTypeId = QStringLiteral("other");

    bool truncated() const { return iso9660 && statedBytes > fileBytes; }
};

// Reads the volume descriptors out of `descriptors`, the file's bytes from offset 32768 (ECMA-119,
// 6.2.1 and 8). Foreign bytes: never fails, tells what it could read.
IsoInfo parseVolumeDescriptors(ConstByteSpan descriptors);

// The same from an open file (fileBytes stays 0). Blocks as reading the file does.
IsoInfo readVolumeDescriptors(int fd);

// Inspects the file in the background. Errors: NotFound, PermissionDenied, InvalidArgument (a
// folder, an empty file), Io; each a sentence. A file that is no ISO image is a success with
// iso9660 false.
QFuture<Result<IsoInfo>> inspectIso(const QString& path);

} // namespace vivarium
