#pragma once

#include "core/model/machine_settings.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>
#include <QStringList>

namespace vivarium {

// The distribution's firmware images that a BIOS machine starts with.
struct FirmwareFiles {
    UniqueFd rom;
    UniqueFd videoRom;

    // Errors: NotFound (says which package to install), Unsupported (UEFI), PermissionDenied.
    static Result<FirmwareFiles> open(Firmware firmware);
    // Only the video firmware: a kernel that starts directly takes the text screen's font from it.
    // Invalid where it is not installed; the guest then runs without a legible text screen.
    static UniqueFd openVideoRom();
};

} // namespace vivarium
