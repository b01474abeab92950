#pragma once

#include "vmm/base/result.h"
#include "vmm/kvm/kvm_system.h"

#include <string>
#include <vector>

namespace vivarium {

// What this host's KVM cannot do that ordinary systems need: FWAIT, CMPXCHG16B, SSE in ring 0,
// 32-bit paging, SYSCALL. Each is a guest of a few instructions with a time limit of 50 ms;
// hardware KVM passes all of them in a millisecond or two. In the order above, as words for a
// sentence; empty: nothing. Errors: the host's (a guest could not be made).
Result<std::vector<std::string>> probeKvm(const KvmSystem& system);

// The same, remembered for as long as the host runs in `cacheFolder` (created if need be; empty:
// not remembered). What cannot be read or written there is probed again.
Result<std::vector<std::string>> probeKvmOnce(const KvmSystem& system,
                                              const std::string& cacheFolder);

} // namespace vivarium
