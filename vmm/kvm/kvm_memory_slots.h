#pragma once

#include "vmm/base/thread_annotations.h"
#include "vmm/bus/dirty_log.h"
#include "vmm/bus/memory_map.h"
#include "vmm/kvm/run_gate.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace vivarium {

// Mirrors a MemoryMap's direct sections in KVM's memory slots. A section that KVM refuses (out of
// slots) stays trapped: slow, but right. Any thread; a leaf but for the gate.
class KvmMemorySlots : public DirectMemoryListener, public DirtyLog {
public:
    // `vmFd` and `gate` are borrowed.
    KvmMemorySlots(int vmFd, uint32_t slotLimit, RunGate& gate);

    void changeBegins() override { m_gate.close(); }
    void changeEnds() override { m_gate.open(); }
    void sectionRemoved(const DirectSection& section) override;
    void sectionAdded(const DirectSection& section) override;

    bool fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                         std::vector<uint64_t>& pages) override;

private:
    struct Slot {
        uint32_t number;
        DirectSection section;
        // Pages found dirty outside the range that was asked for, kept for whoever asks for them:
        // KVM forgets a slot's whole log when it is read.
        std::vector<uint64_t> pending;
    };
    std::optional<uint32_t> freeNumberLocked() REQUIRES(m_mutex);
    void readLogLocked(Slot& slot) REQUIRES(m_mutex);

    int m_vmFd;
    uint32_t m_slotLimit;
    RunGate& m_gate;
    Mutex m_mutex;
    std::map<GuestAddress, Slot> m_slots GUARDED_BY(m_mutex); // by section base
    std::vector<uint64_t> m_logBuffer GUARDED_BY(m_mutex);
};

} // namespace vivarium
