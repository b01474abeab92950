#pragma once

#include "vmm/base/result.h"

#include <QString>

#include <cstdint>

namespace vivarium {

// Where a VNC server is: a host and port, or the path of a Unix socket.
struct VncAddress {
    QString host;
    uint16_t port = 5900;
    QString socketPath; // not empty: a Unix socket, host and port do not count
    bool operator==(const VncAddress&) const = default;

    // From "vnc://host:5901", "host", "host:1" (a display number below 100), "[::1]:5900" or
    // "unix:/path". Error: InvalidArgument, the detail says what is wrong.
    static Result<VncAddress> parse(const QString& text);
    QString toString() const;
};

} // namespace vivarium
