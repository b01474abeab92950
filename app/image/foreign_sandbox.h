#pragma once

#include "vmm/base/result.h"

#include <string>
#include <vector>

namespace vivarium::image {

// A file that qemu-img gets to see, under `name` in its root.
struct BoundFile {
    int fd = -1;
    const char* name = "";
    enum class Access { ReadOnly, ReadWrite } access = Access::ReadOnly;
};

// Leaves this process and its children a root with nothing but the system's programs and libraries
// (read-only) and `files`, no network, no processes but its own, no capabilities, and bounded
// memory. Before any other thread exists. Errors: Unavailable (no unprivileged user namespaces on
// this host), WrongState (a file was replaced meanwhile).
Result<void> enterForeignSandbox(const std::vector<BoundFile>& files);

// Forbids what no image converter needs and a hijacked one would: for the child, right before it
// becomes the other program. False when the kernel has no filters.
bool filterForeignProgram();

} // namespace vivarium::image
