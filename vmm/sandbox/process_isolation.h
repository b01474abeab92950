#pragma once

#include "vmm/base/result.h"

#include <string>
#include <vector>

namespace vivarium {

// What the host did not let the worker give up; empty on a usual desktop.
struct IsolationReport {
    std::vector<std::string> missing; // one plain sentence each
};

// Closes every descriptor but standard input, output and error and `kept`.
Result<void> closeOtherDescriptors(std::vector<int> kept);

// Gives up everything that a worker does not need (README.md lists it). Main thread, before any
// other thread exists. Keeps standard input, output and error and `keptDescriptors` open. Fails
// only when a step fails that every kernel has: descriptors and no_new_privs.
Result<IsolationReport> isolateProcess(std::vector<int> keptDescriptors);

} // namespace vivarium
