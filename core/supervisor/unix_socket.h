#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

namespace vivarium {

// Unix stream sockets by path, of any length: the folder is opened first, so that sockaddr_un's 108
// bytes only hold the file's name.

// A listening socket at `path` (mode 0600), there only once it listens. A socket file that is in
// the way is replaced. Errors: AlreadyExists (something else is there), NotFound, PermissionDenied.
Result<UniqueFd> listenAtPath(const QString& path);

// A connection to the socket at `path`, without waiting. Errors: NotFound (no file),
// Disconnected (nobody listens), Busy (its queue is full).
Result<UniqueFd> connectToPath(const QString& path);

} // namespace vivarium
