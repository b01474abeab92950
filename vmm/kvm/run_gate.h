#pragma once

#include <atomic>
#include <functional>
#include <vector>

namespace vivarium {

// Keeps vCPUs out of the guest while the memory slots change. A vCPU thread passes enter() and
// leave() around each run; close() drives all out and returns when they are. A closer never waits
// for a lock that a running vCPU holds, because inside the gate a vCPU holds none.
class RunGate {
public:
    // One vCPU's side: whether it is in the guest.
    class Passage {
    public:
        bool inside() const { return m_inside.load(); }

    private:
        friend class RunGate;
        std::atomic<bool> m_inside = false;
    };

    // All vCPUs must be registered before the first enter(). `kick` makes the vCPU leave soon.
    void add(Passage& passage, std::function<void()> kick);

    void enter(Passage& passage);
    void leave(Passage& passage);

    // One closer at a time (the memory map's mutex sees to that).
    void close();
    void open();

private:
    struct Member {
        Passage* passage;
        std::function<void()> kick;
    };
    std::vector<Member> m_members;
    std::atomic<bool> m_closed = false;
};

} // namespace vivarium
