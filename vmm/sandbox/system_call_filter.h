#pragma once

#include "vmm/base/result.h"

namespace vivarium {

// What a thread of a worker or of vivarium-image does, and so which system calls it needs.
enum class ThreadKind {
    Device, // main thread: event loop, control sockets, timers; creates the other threads
    Vcpu,   // enters the guest and runs device code on its exits
    DiskIo, // moves data between an image and memory
    Vnc,    // serves VNC clients
    Image,  // all of vivarium-image: one connection, a job's thread and its ring
};

// Installs the filter for the calling thread and the threads that it will create. no_new_privs must
// be set (isolateProcess). Filters stack; every kind of a worker is a subset of Device. A call that
// a filter does not know kills the process. Errors: Unsupported (a kernel without seccomp),
// NoSpace.
Result<void> filterSystemCalls(ThreadKind kind);

} // namespace vivarium
