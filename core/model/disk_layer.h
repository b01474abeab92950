#pragma once

#include "core/model/machine_id.h"
#include "core/model/machine_settings.h"

#include <QList>
#include <QString>

#include <cstdint>

namespace vivarium {

// How many files a disk may consist of (vmm/control DriveConfig::images).
constexpr qsizetype kMaxChainLength = 64;

// One image file of a disk's chain, as the library knows it. The path identifies it.
struct DiskLayer {
    enum class Owner { User, Program /* made, and so deleted, by us */ };
    QString path; // absolute
    DiskFormat format = DiskFormat::Qcow2;
    QString parent;    // the layer below; empty: a base
    MachineId machine; // in whose folder it lies; null: elsewhere
    Owner owner = Owner::User;
    uint64_t sizeBytes = 0; // of the disk, as a guest sees it
    // The file as it was when it was last looked into (ChainResolver); empty: not yet, or written
    // to since.
    QString stamp;
    // Of a file of the user's that others stand on: what is in a sample of its bytes (fingerprint
    // in core/disks). Empty: not known, or the program itself writes to the file.
    QString fingerprint{};
    bool operator==(const DiskLayer&) const = default;
};

// Who needs a layer.
struct LayerUsers {
    QList<DiskLayer> children; // the layers right above it
    QList<MachineId> machines; // that have a drive with it as the top
    bool empty() const { return children.isEmpty() && machines.isEmpty(); }
};

} // namespace vivarium
