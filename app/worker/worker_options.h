#pragma once

#include "vmm/base/result.h"
#include "vmm/machine/qtest/qtest_session.h"

namespace vivarium {

// The worker's command line.
struct WorkerOptions {
    enum class Action { Help, Version, Machine, Qtest } action = Action::Help;
    int controlFd = -1; // Machine
    QtestOptions qtest;
};

// Errors: InvalidArgument, a sentence about what is wrong.
Result<WorkerOptions> parseWorkerOptions(int argc, const char* const* argv);
const char* workerUsage();

} // namespace vivarium
