#pragma once

#include "core/disk_manager/disk_usage.h"
#include "core/model/machine.h"
#include "vmm/control/image_messages.h"

#include <QList>
#include <QString>
#include <QStringList>

namespace vivarium {

// A hard disk or disc image that the user can see: a drive of a machine, or a file in the folders
// where images are kept.
struct CatalogueEntry {
    QString path;
    DriveType type = DriveType::HardDisk;
    control::ImageKind kind = control::ImageKind::Detect; // as stated; Detect: nobody says
    QStringList machines;                                 // that have it as a drive
    bool exists = false;
    uint64_t fileBytes = 0;
    uint64_t allocatedBytes = 0; // on the host's disk
    bool operator==(const CatalogueEntry&) const = default;
};

// All of them, by kind and name: the machines' drives, and what lies in `folder`, in the folders
// right below it, and in `extraFolder` (may be empty). Looks at names and sizes only. Blocks: for a
// pool's thread.
QList<CatalogueEntry> listImages(const QList<Machine>& machines, const QString& folder,
                                 const QString& extraFolder);
// At most so many files are looked at in folders: somebody's home can hold millions.
constexpr int kMaxFolderEntries = 5000;

} // namespace vivarium
