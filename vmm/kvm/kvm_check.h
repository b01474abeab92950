#pragma once

#include "vmm/base/result.h"

#include <functional>
#include <string>
#include <vector>

namespace vivarium {

// What is known about this host when hardware virtualisation is judged; a value, so that tests can
// make any host.
struct KvmFacts {
    bool deviceExists = false;      // /dev/kvm
    int openErrno = 0;              // of opening it for reading and writing; 0: it opened
    bool processorSupports = false; // vmx or svm among the flags of /proc/cpuinfo
    bool processorIsAmd = false;
    bool moduleLoaded = false;         // /sys/module/kvm_intel or kvm_amd (or another KVM back end)
    bool insideVirtualMachine = false; // the hypervisor flag of /proc/cpuinfo
    int apiVersion = 0;                // KVM_GET_API_VERSION; 0: not asked
    std::vector<std::string> missingExtensions; // "KVM_CAP_..."
};

// One obstacle and its remedy, each in plain sentences.
struct KvmProblem {
    ErrorCode code = ErrorCode::Unsupported;
    std::string sentence;
    std::string remedy;
};

// Reads the facts of this host.
KvmFacts gatherKvmFacts();

// What keeps guests from running here, most fundamental first; empty: nothing. Pure.
std::vector<KvmProblem> judgeKvm(const KvmFacts& facts);

// judgeKvm(gatherKvmFacts()).
std::vector<KvmProblem> checkKvm();

// The first problem as an error: "sentence remedy".
Error kvmProblemError(const std::vector<KvmProblem>& problems);

} // namespace vivarium
