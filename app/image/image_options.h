#pragma once

#include "vmm/base/result.h"

namespace vivarium::image {

// vivarium-image's command line.
struct ImageOptions {
    enum class Action { Help, Version, Job, ForeignJob } action = Action::Help;
    int controlFd = -1; // Job, ForeignJob
};

// Errors: InvalidArgument, a sentence about what is wrong.
Result<ImageOptions> parseImageOptions(int argc, const char* const* argv);
const char* imageUsage();

} // namespace vivarium::image
