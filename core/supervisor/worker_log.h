#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

namespace vivarium {

// The log of a machine's worker, "<folder>/worker.log"; the three before it are kept as
// worker.log.1 (the latest) to worker.log.3.
namespace worker_log {

QString path(const QString& folder);
// Moves the present log aside and opens a new one for appending. Errors: NoSpace, PermissionDenied.
Result<UniqueFd> start(const QString& folder);
// A log in memory, for a machine that leaves nothing behind.
Result<UniqueFd> startInMemory();
// The last lines of a log, at most 2 KiB: what a crashed worker said. Empty when there is none.
QString lastWords(const QString& folder);
QString lastWords(int fd);

} // namespace worker_log

} // namespace vivarium
