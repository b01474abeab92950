#pragma once

#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <optional>
#include <string>

namespace vivarium {

// A segment register with its hidden part. `attributes` are bits 8..15 and 20..23 of the segment
// descriptor's second word moved down: type 0-3, S 4, DPL 5-6, P 7, AVL 12, L 13, D/B 14, G 15
// (Intel SDM 3A, 3.4.5). `limit` is in bytes, whatever G says.
struct SegmentRegister {
    uint64_t base = 0;
    uint32_t limit = 0;
    uint16_t selector = 0;
    uint16_t attributes = 0;
    bool operator==(const SegmentRegister&) const = default;
};

// GDTR or IDTR.
struct DescriptorTable {
    uint64_t base = 0;
    uint16_t limit = 0;
    bool operator==(const DescriptorTable&) const = default;
};

// What a loader sets and a fault report shows. The rest of a vCPU (FPU, MSRs, local APIC) is only
// saved and restored as a whole.
struct VcpuRegisters {
    uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rsp = 0, rbp = 0;
    uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
    uint64_t rip = 0, rflags = 2;
    SegmentRegister cs, ds, es, fs, gs, ss, tr, ldt;
    DescriptorTable gdt, idt;
    uint64_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0, cr8 = 0, efer = 0;
    bool operator==(const VcpuRegisters&) const = default;
};

// Why a vCPU came out of the guest. Port and memory accesses point at `data` inside the vCPU: the
// handler reads what the guest wrote or stores what it shall read, before the next run().
struct VcpuExit {
    enum class Kind {
        Interrupted,   // kick(), or nothing to do: enter again
        PortIo,        // `count` accesses of `sizeBytes` at `port`, values back to back in `data`
        MemoryAccess,  // one access of `sizeBytes` (1..8) at `address`
        Halt,          // HLT without an interrupt controller that would wake the vCPU
        TripleFault,   // shutdown state (Intel SDM 3A, 6.15)
        PowerOff,      // the guest asked by a paravirtual call
        Reset,         // likewise
        GuestCrash,    // likewise
        InternalError, // the accelerator cannot go on with this guest; `reason` says why
    };
    enum class Direction { Read, Write }; // as the guest sees it

    Kind kind = Kind::Interrupted;
    Direction direction = Direction::Read;
    uint8_t sizeBytes = 0;
    uint16_t port = 0;
    uint32_t count = 0;
    GuestAddress address = 0;
    uint8_t* data = nullptr;
    std::string reason{};
};

// What a vCPU wakes up to.
enum class VcpuStart {
    Firmware,   // power-on state: the first CPU at F000:FFF0, the others wait for a start-up IPI
    DirectBoot, // likewise, but with memory types as firmware leaves them (write-back)
};

// One virtual CPU, whatever executes it. run() belongs to the vCPU's own thread, kick() to any
// thread; everything else needs the vCPU outside run() with its last exit completed.
class Vcpu {
public:
    virtual ~Vcpu() = default;

    // Enters the guest until it needs something. Completes the access of the previous exit first.
    virtual VcpuExit run() = 0;
    // Makes the present run(), or else the next, return Interrupted (after completing a pending
    // access) without executing further. Never lost.
    virtual void kick() = 0;

    virtual Result<VcpuRegisters> registers() = 0;
    virtual Result<void> setRegisters(const VcpuRegisters& registers) = 0;
    // Guest-physical address of a linear address with the present paging; nullopt when unmapped.
    virtual std::optional<GuestAddress> translate(uint64_t linearAddress) = 0;

    virtual Result<void> reset(VcpuStart start) = 0;
    // All state, as fields of the section that the caller has begun or entered.
    virtual Result<void> save(StateWriter& writer) = 0;
    // Hostile bytes. Errors: Corrupt, Unsupported (a host that lacks what the state needs).
    virtual Result<void> restore(StateReader& reader) = 0;
};

} // namespace vivarium
