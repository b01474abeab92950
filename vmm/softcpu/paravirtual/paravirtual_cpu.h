#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"
#include "vmm/devices/interrupt/time_stamp_rate.h"
#include "vmm/softcpu/paravirtual/kvm_interface.h"
#include "vmm/softcpu/paravirtual/paravirtual_machine.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace vivarium {

// KVM's paravirtual registers of one software CPU. The clock is what a guest that begins here is
// told of; the others are for guests that began under KVM: they help with what KVM costs (page
// faults of the host, exits, waiting for the host's processors), so here they do what their rules
// ask for and no more. Thread: its vCPU's, within the run gate.
class ParavirtualCpu {
public:
    // The vCPU that it belongs to.
    class Host {
    public:
        virtual ~Host() = default;
        // Guest-physical memory; what is not RAM keeps what it has and reads 0.
        virtual void storeGuest(GuestAddress address, ConstByteSpan bytes) = 0;
        virtual uint32_t loadGuest(GuestAddress address) = 0;
        // Ticks that the machine's time stamps count to at guest time `nowNs`, and how fast.
        virtual TimeStampRate timeStampRate() const = 0;
        // A fixed interrupt for this processor.
        virtual void interruptSelf(uint8_t vector) = 0;
    };
    ParavirtualCpu(Host& host, ParavirtualMachine& machine, unsigned index)
        : m_host(host), m_machine(machine), m_index(index) {}

    void reset() { m_state = {}; } // power-on and INIT

    // nullopt and false: not one of them, or a general-protection fault.
    std::optional<uint64_t> read(uint32_t index) const;
    bool write(uint32_t index, uint64_t value);

    // What the guest has in memory is made true, where it no longer is.
    void refresh();

    // As entries of a saved state's list, in the order in which KVM wants them. The list is
    // hostile: false: not one of them.
    struct Entry {
        uint32_t index;
        uint64_t value;
    };
    std::vector<Entry> saved() const;
    bool restore(const Entry& entry);
    // After the last: what KVM had under way is over.
    void restored();

private:
    struct State {
        uint64_t systemTime = 0, wallClock = 0, asyncFault = 0, asyncFaultVector = 0, stealTime = 0,
                 endOfInterrupt = 0, pollControl = 1;
        bool wakeAllOwed = false; // KVM's waiting page faults are over: the guest is not told yet
    };
    void writeTimeInfo();
    void writeWallClock();
    void notPreempted();
    void wakeAll();

    Host& m_host;
    ParavirtualMachine& m_machine;
    const unsigned m_index;
    State m_state;
    bool m_restored = false; // and not run since
};

} // namespace vivarium
