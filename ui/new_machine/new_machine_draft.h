#pragma once

#include "core/model/machine.h"
#include "core/provision/disk_creation.h"

#include <QString>

namespace vivarium {

// What the New Machine wizard has gathered. A plain value.
struct NewMachineDraft {
    enum class Disk { Create, Existing, None };

    QString name;
    QString parentFolder;  // the machine's folder will be made in it
    QString defaultFolder; // of the library; there it chooses the folder's name itself
    QString isoPath;       // may be empty
    QString guestType = QStringLiteral("other");
    quint32 memoryMiB = 1024;
    quint32 cpuCount = 1;
    bool rtcLocalTime = false;
    Disk disk = Disk::Create;
    quint64 diskBytes = 20ull << 30;
    DiskAllocation allocation = DiskAllocation::Dynamic;
    QString existingDisk;
    DiskFormat existingFormat = DiskFormat::Raw;
    QString group;

    // The machine without a disk that is still to be made.
    Machine toMachine() const;
};

} // namespace vivarium
