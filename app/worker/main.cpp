#include "app/worker/worker_options.h"
#include "vmm/base/crash_points.h"
#include "vmm/base/log.h"
#include "vmm/kvm/kvm_probe.h"
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
// vCPUs in software, or with its help under KVM, of the machine and its forks.
constexpr unsigned kSoftwareUnits = 20;

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

// Where what was learned about the host is kept (XDG base directories); empty: nowhere.
std::string cacheFolder() {
    if (const char* home = std::getenv("VIVARIUM_HOME"); home && *home == '/')
        return std::string(home) + "/cache";
    if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
        return std::string(cache) + "/vivarium";
    if (const char* home = std::getenv("HOME"); home && *home == '/')
        return std::string(home) + "/.cache/vivarium";
    return {};
}

// Serves one machine on the launcher's connection. The order matters: /dev/kvm is opened and
// executable memory made while that is still possible, and the sandbox is complete before the first
// message is read.
int runMachine(int controlFd) {
    UniqueFd control(controlFd);
    AcceleratorHost accelerators{KvmSystem::open(), NativeReserve::create(kSoftwareUnits)};
    if (accelerators.kvm)
        if (auto missing = probeKvmOnce(*accelerators.kvm, cacheFolder()))
            accelerators.kvmLacks = std::move(*missing);
    std::vector<int> kept{controlFd};
    if (accelerators.kvm)
        kept.push_back(accelerators.kvm->fd());
    if (auto entered = enterSandbox(std::move(kept)); !entered)
        return failWith(entered.error());

    auto loop = EventLoop::create();
    if (!loop)
        return failWith(loop.error());
    MachineControl machine(**loop, {std::move(accelerators),
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
