#pragma once

#include "vmm/base/guest_address.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/memory/physical_view.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_set>
#include <vector>

namespace vivarium::softcpu {

// Keeps the translated code of several vCPUs true to guest memory: one object a machine, shared by
// the vCPUs' translators. A page with code has kPageHasCode, and no TLB has an entry for writing to
// it, so that every write passes the writer's slow path, which tells the others.
class CodeCoherence {
public:
    explicit CodeCoherence(PhysicalView& physical) : m_physical(physical) {}

    // One vCPU's side. Lives in its translator.
    class Member {
    public:
        explicit Member(CpuState& state) : m_state(state) {}
        // More requests than this that wait become one for all memory.
        static constexpr size_t kMaxRanges = 4096;
        struct Range {
            GuestAddress address;
            uint64_t sizeBytes;
        };

    private:
        friend class CodeCoherence;
        CpuState& m_state;
        std::atomic<bool> m_inside = false;
        std::atomic<bool> m_flushWrites = false;
        std::atomic<bool> m_verify = false;
        std::mutex m_mutex; // guards m_ranges
        std::vector<Range> m_ranges;
    };

    // Before the first run and after the last one.
    void add(Member& member);
    void remove(Member& member);

    // Around a vCPU's run(). While inside, it looks at attend() whenever kAttentionCode is set.
    void enter(Member& member) { member.m_inside.store(true); }
    void leave(Member& member) { member.m_inside.store(false); }

    struct Requests {
        bool flushWrites = false;
        bool verify = false; // compare pages before their code is entered again
        std::vector<Member::Range> ranges;
    };
    // What others asked of this vCPU. Clears kAttentionCode. The vCPU carries it out at once and,
    // if `flushWrites`, says so with flushed().
    Requests attend(Member& member);
    void flushed(Member& member);

    // `self` is about to translate code of `page`: marks it and waits until no other vCPU can
    // write to it unseen. Whoever waits answers requests itself through `serve(Requests)`.
    // Interrupted: a vCPU that is being called out of its run() does not wait (whoever calls may be
    // the one it waits for), and must not translate now.
    enum class Gain { Known, New, Interrupted };
    template <class Serve>
    Gain gainCode(Member& self, GuestAddress page, Serve serve) {
        if (confirmed(page))
            return Gain::Known;
        for (int tries = 0; tries < 4; ++tries) {
            m_physical.setCode(page);
            std::vector<Member*> others = askOthersToFlush(self);
            for (Member* other : others)
                while (other->m_inside.load() && other->m_flushWrites.load()) {
                    uint32_t attention = self.m_state.attention.load();
                    if (attention & kAttentionCode)
                        serve(attend(self));
                    else if (attention != 0)
                        return Gain::Interrupted;
                    relax();
                }
            if (confirm(page))
                return Gain::New;
        }
        return Gain::Interrupted; // others write there all the time
    }
    // `self` has written to `page` and has no code of it any more. The others forget what they have
    // before its mark goes: who finds it gone and may write unseen has that request already.
    void loseCode(const Member& self, GuestAddress page, uint64_t sizeBytes);

    // Devices have written somewhere. Any thread, before the guest is told that they have.
    void devicesWrote();
    // `self` has written there.
    void written(const Member* self, GuestAddress address, uint64_t sizeBytes);
    void request(Member& member, GuestAddress address, uint64_t sizeBytes);

private:
    std::vector<Member*> askOthersToFlush(const Member& self);
    bool confirmed(GuestAddress page);
    bool confirm(GuestAddress page); // false: the mark is gone again, another vCPU's write took it
    void writtenLocked(const Member* self, GuestAddress address, uint64_t sizeBytes);
    static void relax();

    PhysicalView& m_physical;
    std::mutex m_mutex; // guards the rest
    std::vector<Member*> m_members;
    std::unordered_set<GuestAddress> m_confirmed; // marked, and no TLB can write to them
};

} // namespace vivarium::softcpu
