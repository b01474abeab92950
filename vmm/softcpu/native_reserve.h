#pragma once

#include "vmm/base/result.h"
#include "vmm/softcpu/interpreter/native_unit.h"
#include "vmm/softcpu/translator/code_cache.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium {

// What software CPUs need that a sandboxed process can no longer make: executable pages. Made
// before the sandbox closes; each vCPU takes one. Copies of the process (forks of a machine) share
// the pages, so they also share the count of what is taken: no unit ever has two users.
class NativeReserve {
public:
    // Errors: the host's.
    static Result<NativeReserve> create(unsigned count);
    // What one software CPU takes.
    struct Unit {
        std::unique_ptr<softcpu::NativeUnit> native;
        std::unique_ptr<softcpu::CodeCache> cache; // null: the host is not fit for the translator
    };
    // Errors: LimitExceeded. Units are not given back: a process runs one machine. Any thread.
    Result<Unit> take();
    // The same for who needs no code cache.
    Result<std::unique_ptr<softcpu::NativeUnit>> takeNative();

private:
    struct Unmap {
        void operator()(std::atomic<uint32_t>* counter) const;
    };
    NativeReserve() = default;
    Result<Unit*> next();

    std::unique_ptr<std::atomic<uint32_t>, Unmap> m_taken; // a page that copies share
    std::vector<Unit> m_units;
};

} // namespace vivarium
