#pragma once

#include "vmm/base/result.h"
#include "vmm/kvm/cpuid.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <linux/kvm.h>
#include <sys/ioctl.h>

namespace vivarium {

// The kernel's header declares structures with flexible arrays in a way that gives them another
// size and layout in C++, and an ioctl number contains the size. These are the numbers as C has
// them; the structures are made by KvmArray.
constexpr unsigned long kKvmGetSupportedCpuid = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, 8);
constexpr unsigned long kKvmSetCpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, 8);
constexpr unsigned long kKvmGetMsrIndexList = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x02, 4);
constexpr unsigned long kKvmGetMsrs = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x88, 8);
constexpr unsigned long kKvmSetMsrs = _IOC(_IOC_WRITE, KVMIO, 0x89, 8);
constexpr unsigned long kKvmSetGsiRouting = _IOC(_IOC_WRITE, KVMIO, 0x6a, 8);
constexpr unsigned long kKvmGetXsave = _IOC(_IOC_READ, KVMIO, 0xa4, 4096);
constexpr unsigned long kKvmSetXsave = _IOC(_IOC_WRITE, KVMIO, 0xa5, 4096);
constexpr unsigned long kKvmGetXsave2 = _IOC(_IOC_READ, KVMIO, 0xcf, 4096);

// A count, a word of padding or flags, and that many entries: kvm_cpuid2, kvm_msrs,
// kvm_irq_routing.
template <class Entry>
class KvmArray {
public:
    explicit KvmArray(const std::vector<Entry>& entries)
        : m_bytes(kHeaderBytes + entries.size() * sizeof(Entry)) {
        auto count = static_cast<uint32_t>(entries.size());
        std::memcpy(m_bytes.data(), &count, sizeof count);
        if (!entries.empty())
            std::memcpy(m_bytes.data() + kHeaderBytes, entries.data(),
                        entries.size() * sizeof(Entry));
    }
    explicit KvmArray(size_t count) : KvmArray(std::vector<Entry>(count)) {}

    void* data() { return m_bytes.data(); }
    // The first `count` entries; the kernel's own count when it is smaller.
    std::vector<Entry> entries() const {
        uint32_t count;
        std::memcpy(&count, m_bytes.data(), sizeof count);
        std::vector<Entry> result(
            std::min<size_t>(count, (m_bytes.size() - kHeaderBytes) / sizeof(Entry)));
        if (!result.empty())
            std::memcpy(result.data(), m_bytes.data() + kHeaderBytes,
                        result.size() * sizeof(Entry));
        return result;
    }

private:
    static constexpr size_t kHeaderBytes = 8;
    std::vector<uint8_t> m_bytes;
};

// One ioctl, repeated when a signal interrupts it; -1 and errno as the system call gives them.
template <class Argument>
int kvmIoctl(int fd, unsigned long request, Argument argument) {
    int result;
    do {
        result = ::ioctl(fd, request, argument);
    } while (result < 0 && errno == EINTR);
    return result;
}

// The same, an error naming `what`.
template <class Argument>
Result<int> kvmCall(int fd, unsigned long request, Argument argument, const char* what) {
    int result = kvmIoctl(fd, request, argument);
    if (result < 0)
        return systemError(errno, what);
    return result;
}

} // namespace vivarium
