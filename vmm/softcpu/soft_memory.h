#pragma once

#include "vmm/bus/dirty_log.h"
#include "vmm/bus/memory_map.h"
#include "vmm/kvm/run_gate.h"
#include "vmm/softcpu/memory/physical_view.h"

#include <functional>
#include <mutex>
#include <vector>

namespace vivarium {

// The software CPUs' view of guest memory and the log of what they write. Changes happen with every
// vCPU driven out of the guest; they forget what they derived from memory before they go on.
// Threads as DirectMemoryListener and DirtyLog.
class SoftMemory final : public DirectMemoryListener, public DirtyLog {
public:
    // What vCPUs are told; with the gate closed, from any thread.
    struct Follower {
        std::function<void()> memoryChanged; // translations and pointers are stale
        std::function<void()> writesTracked; // only those for writing are
        std::function<void(GuestAddress, uint64_t)> sectionRemoved;
    };
    explicit SoftMemory(RunGate& gate) : m_gate(gate) {}
    // Before the first run.
    void addFollower(Follower follower) { m_followers.push_back(std::move(follower)); }
    softcpu::PhysicalView& view() { return m_view; }
    // Runs `function` with the gate closed. By a vCPU that has left it.
    void exclusively(const std::function<void()>& function);

    void changeBegins() override;
    void changeEnds() override;
    void sectionRemoved(const DirectSection& section) override;
    void sectionAdded(const DirectSection& section) override;

    bool fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                         std::vector<uint64_t>& pages) override;

private:
    void close();
    void open();

    RunGate& m_gate;
    softcpu::PhysicalView m_view;
    std::vector<Follower> m_followers;
    std::mutex m_mutex; // one closer at a time; held while the gate is closed
    bool m_changing =
        false; // between changeBegins and changeEnds; the memory map's mutex guards it
};

} // namespace vivarium
