#pragma once

#include "core/model/machine_settings.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

namespace vivarium {

// The listening socket of a machine's VNC server, made by the parent because the worker may not.
struct VncListener {
    UniqueFd socket;
    QString address; // what a viewer connects to: "127.0.0.1:5900", "[::1]:5901", "unix:/path"

    // Port 0 takes the first free one from 5900. Errors: Busy (port in use), PermissionDenied,
    // InvalidArgument (not an address of this computer).
    static Result<VncListener> open(const VncSettings& settings);
};

} // namespace vivarium
