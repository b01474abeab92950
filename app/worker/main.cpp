#include "app/worker/worker_options.h"
#include "vmm/base/crash_points.h"
#include "vmm/base/log.h"
#include "vmm/kvm/kvm_system.h"
#include "vmm/machine/machine_control.h"
#include "vmm/machine/qtest/qtest_session.h"
#include "vmm/sandbox/process_isolation.h"
#include "vmm/sandbox/system_call_filter.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <malloc.h>
#include <sys/prctl.h>

using namespace vivarium;

namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;

int failWith(const Error& error) {
    logError("worker", error.detail);
    return kFailure;
}

// The hook that narrows a new thread. A thread that cannot be narrowed must not run.
std::function<void()> narrowTo(ThreadKind kind, const char* name) {
    return [kind, name] {
        ::prctl(PR_SET_NAME, name);
        if (auto filtered = filterSystemCalls(kind); !filtered) {
            logError("sandbox", filtered.error().detail);
            std::abort();
        }
    };
}

Result<void> enterSandbox(std::vector<int> keptDescriptors) {
    const IsolationReport report = TRY(isolateProcess(std::move(keptDescriptors)));
    for (const std::string& missing : report.missing)
        logWarning("sandbox", missing);
    return filterSystemCalls(ThreadKind::Device);
}

// Serves one machine on the launcher's connection. The order matters: /dev/kvm is opened while
// paths still can be, and the sandbox is complete before the first message is read.
int runMachine(int controlFd) {
    UniqueFd control(controlFd);
    auto kvm = KvmSystem::open();
    std::vector<int> kept{controlFd};
    if (kvm)
        kept.push_back(kvm->fd());
    if (auto entered = enterSandbox(std::move(kept)); !entered)
        return failWith(entered.error());

    auto loop = EventLoop::create();
    if (!loop)
        return failWith(loop.error());
    MachineControl machine(**loop, {std::move(kvm),
                                    {.vcpu = narrowTo(ThreadKind::Vcpu, "vcpu"),
                                     .disk = narrowTo(ThreadKind::DiskIo, "disk"),
                                     .vnc = narrowTo(ThreadKind::Vnc, "vnc")}});
    if (auto added = machine.addClient(std::move(control)); !added)
        return failWith(added.error());
    (*loop)->run();
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
    openCrashPoints();
    // One arena: the threads allocate little, and each further arena costs memory for every guest.
    ::mallopt(M_ARENA_MAX, 1);
    std::signal(SIGPIPE, SIG_IGN); // peers that leave are noticed by the write
    std::signal(SIGCHLD, SIG_IGN); // copies of this process tell their end through a socket
    std::signal(SIGXFSZ, SIG_IGN); // a file size limit is an error of the write, a full disk

    auto options = parseWorkerOptions(argc, argv);
    if (!options) {
        std::fprintf(stderr, "vivarium-vmm: %s\n%s", options.error().detail.c_str(), workerUsage());
        return kUsage;
    }
    switch (options->action) {
    case WorkerOptions::Action::Help:
        std::fputs(workerUsage(), stdout);
        return EXIT_SUCCESS;
    case WorkerOptions::Action::Version:
        std::puts("vivarium-vmm " VIVARIUM_VERSION);
        return EXIT_SUCCESS;
    case WorkerOptions::Action::Machine:
        return runMachine(options->controlFd);
    case WorkerOptions::Action::Qtest:
        if (auto status = runQtest(options->qtest))
            return *status;
        else
            return failWith(status.error());
    }
    return kUsage;
}
