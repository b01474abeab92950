#include "app/image/foreign_job.h"
#include "app/image/image_options.h"
#include "app/image/job_connection.h"
#include "app/image/job_runner.h"
#include "vmm/base/crash_points.h"
#include "vmm/base/log.h"
#include "vmm/sandbox/process_isolation.h"
#include "vmm/sandbox/system_call_filter.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <malloc.h>

using namespace vivarium;
using namespace vivarium::image;

namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;

Result<void> enterSandbox(int socket) {
    // What is missing is no warning here: the filter below holds on every host.
    TRY(isolateProcess({socket}));
    return filterSystemCalls(ThreadKind::Image);
}

int failWith(const Error& error) {
    logError("image", error.detail);
    return kFailure;
}

// The sandbox is complete before the job's first byte is read.
int runImageJob(UniqueFd socket) {
    if (auto entered = enterSandbox(socket.get()); !entered)
        return failWith(entered.error());
    auto served = serveJob(std::move(socket), runJob);
    return served ? EXIT_SUCCESS : failWith(served.error());
}

} // namespace

int main(int argc, char** argv) {
    openCrashPoints();
    ::mallopt(M_ARENA_MAX, 1);
    std::signal(SIGPIPE, SIG_IGN); // a peer that leaves is noticed by the write
    std::signal(SIGXFSZ, SIG_IGN); // a file size limit is an error of the write, a full disk

    auto options = parseImageOptions(argc, argv);
    if (!options) {
        std::fprintf(stderr, "vivarium-image: %s\n%s", options.error().detail.c_str(),
                     imageUsage());
        return kUsage;
    }
    switch (options->action) {
    case ImageOptions::Action::Help:
        std::fputs(imageUsage(), stdout);
        return EXIT_SUCCESS;
    case ImageOptions::Action::Version:
        std::puts("vivarium-image " VIVARIUM_VERSION);
        return EXIT_SUCCESS;
    case ImageOptions::Action::Job:
        return runImageJob(UniqueFd(options->controlFd));
    case ImageOptions::Action::ForeignJob:
        if (auto served = serveForeignJob(UniqueFd(options->controlFd)); !served)
            return failWith(served.error());
        return EXIT_SUCCESS;
    }
    return kUsage;
}
