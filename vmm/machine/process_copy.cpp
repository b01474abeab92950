#include "vmm/machine/process_copy.h"

#include "vmm/base/log.h"
#include "vmm/sandbox/process_isolation.h"

#include <cerrno>

#include <unistd.h>

namespace vivarium {

Result<ProcessSide> copyProcess(std::vector<int> kept) {
    const pid_t child = ::fork();
    if (child < 0)
        return systemError(errno, "copy the worker process");
    if (child > 0)
        return ProcessSide::Original;
    // The original's sockets and locks would live as long as the copy does.
    if (auto closed = closeOtherDescriptors(std::move(kept)); !closed) {
        logError("copy", closed.error().detail);
        ::_exit(1);
    }
    return ProcessSide::Copy;
}

} // namespace vivarium
