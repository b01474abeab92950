#pragma once

#include "vmm/base/result.h"

#include <vector>

namespace vivarium {

// Which of the two processes returned.
enum class ProcessSide { Original, Copy };

// Copies this process (fork(2)): the copy has the calling thread only and shares private memory
// until one of the two writes to it. It must not destroy objects that have threads, nor return to
// the caller's caller: it does its work and ends by _exit(2). Its descriptors are `kept` and the
// standard ones. No vCPU may be in the guest. Nobody waits for it: SIGCHLD is ignored.
Result<ProcessSide> copyProcess(std::vector<int> kept);

} // namespace vivarium
