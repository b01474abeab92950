#include "vmm/kvm/kvm_check.h"

#include "vmm/base/unique_fd.h"
#include "vmm/kvm/kvm_system.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace vivarium {

namespace {

constexpr const char* kDevice = "/dev/kvm";

bool exists(const char* path) {
    struct stat status {};
    return ::stat(path, &status) == 0;
}

void readProcessorFlags(KvmFacts& facts) {
    std::ifstream cpuinfo("/proc/cpuinfo");
    std::string line;
    while (std::getline(cpuinfo, line)) {
        if (line.rfind("vendor_id", 0) == 0)
            facts.processorIsAmd =
                line.find("AMD") != std::string::npos || line.find("Hygon") != std::string::npos;
        if (line.rfind("flags", 0) != 0)
            continue;
        std::istringstream words(line);
        std::string word;
        while (words >> word) {
            if (word == "vmx" || word == "svm")
                facts.processorSupports = true;
            else if (word == "hypervisor")
                facts.insideVirtualMachine = true;
        }
        return; // all processors have the same flags
    }
}

KvmProblem problemWithoutDevice(const KvmFacts& facts) {
    if (!facts.processorSupports && facts.insideVirtualMachine)
        return {ErrorCode::Unsupported,
                "This computer is itself a virtual machine, and its host does not offer hardware "
                "virtualisation to it.",
                "Turn on nested virtualisation for this machine in its host's settings."};
    if (!facts.processorSupports)
        return {ErrorCode::Unsupported,
                "Hardware virtualisation is disabled in the computer's firmware, or the processor "
                "does not have it.",
                "Restart the computer, enter its firmware set-up and enable \"Intel VT-x\" or "
                "\"AMD-V / SVM\"."};
    const std::string module = facts.processorIsAmd ? "kvm_amd" : "kvm_intel";
    if (!facts.moduleLoaded)
        return {ErrorCode::Unsupported, "The kernel module " + module + " is not loaded.",
                "Run \"sudo modprobe " + module +
                    "\". If that fails with \"Operation not supported\", enable \"" +
                    (facts.processorIsAmd ? "SVM" : "Intel VT-x") +
                    "\" in the computer's firmware set-up."};
    return {ErrorCode::NotFound,
            "The kernel module " + module + " is loaded, but the device /dev/kvm does not exist.",
            "In a container, pass the device to it; otherwise run \"sudo udevadm trigger\"."};
}

KvmProblem problemWithOpening(const KvmFacts& facts) {
    switch (facts.openErrno) {
    case EACCES:
    case EPERM:
        return {ErrorCode::PermissionDenied, "You have no permission to use /dev/kvm.",
                "Add yourself to the group kvm with \"sudo usermod -aG kvm $USER\", then log out "
                "and in again."};
    case ENODEV:
    case ENXIO:
        return problemWithoutDevice(facts);
    case EBUSY:
        return {ErrorCode::Busy, "Another hypervisor is using the processor's virtualisation.",
                "Stop its machines or unload its kernel module, then try again."};
    default:
        return {ErrorCode::Io,
                systemError(facts.openErrno, "/dev/kvm cannot be opened").detail + ".",
                "See the kernel's log (\"sudo dmesg\") for the reason."};
    }
}

} // namespace

KvmFacts gatherKvmFacts() {
    KvmFacts facts;
    facts.deviceExists = exists(kDevice);
    facts.moduleLoaded = exists("/sys/module/kvm_intel") || exists("/sys/module/kvm_amd") ||
                         exists("/sys/module/kvm_pvm");
    readProcessorFlags(facts);
    UniqueFd device(::open(kDevice, O_RDWR | O_CLOEXEC));
    if (!device) {
        facts.openErrno = errno;
        return facts;
    }
    facts.apiVersion = ::ioctl(device.get(), KVM_GET_API_VERSION, 0);
    facts.missingExtensions = missingKvmExtensions(device.get());
    return facts;
}

std::vector<KvmProblem> judgeKvm(const KvmFacts& facts) {
    if (!facts.deviceExists)
        return {problemWithoutDevice(facts)};
    if (facts.openErrno != 0)
        return {problemWithOpening(facts)};
    if (facts.apiVersion != KVM_API_VERSION)
        return {{ErrorCode::Unsupported,
                 "The kernel's KVM speaks version " + std::to_string(facts.apiVersion) +
                     " of its interface; version 12 is needed.",
                 "Install a current Linux kernel."}};
    std::vector<KvmProblem> problems;
    for (const std::string& extension : facts.missingExtensions)
        problems.push_back({ErrorCode::Unsupported,
                            "The kernel's KVM lacks the extension " + extension + ".",
                            "Install a current Linux kernel (5.10 or later)."});
    return problems;
}

std::vector<KvmProblem> checkKvm() {
    return judgeKvm(gatherKvmFacts());
}

Error kvmProblemError(const std::vector<KvmProblem>& problems) {
    if (problems.empty())
        return fail(ErrorCode::Internal, "no problem with KVM");
    return fail(problems.front().code, problems.front().sentence + " " + problems.front().remedy);
}

} // namespace vivarium
