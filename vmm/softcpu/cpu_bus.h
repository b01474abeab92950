#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace vivarium::softcpu {

// What lies behind the CPU's pins where it is not directly mapped memory. Called on the vCPU's
// thread in the middle of an instruction; synchronous. A call may take the device lock and may
// change the memory map (PAM, BARs): host pointers from PhysicalView or the TLB are stale after it,
// so an implementation leaves its run gate around the call.
class CpuBus {
public:
    virtual ~CpuBus() = default;
    // `sizeBytes` 1, 2, 4 or 8; the access does not cross a page.
    virtual uint64_t readPhysical(GuestAddress address, unsigned sizeBytes) = 0;
    virtual void writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) = 0;
    // `sizeBytes` 1, 2 or 4.
    virtual uint32_t in(uint16_t port, unsigned sizeBytes) = 0;
    virtual void out(uint16_t port, unsigned sizeBytes, uint32_t value) = 0;
};

struct CpuidResult {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// What an instruction asks of the rest of the processor package: identification, clock, local
// APIC. Called on the vCPU's thread.
class CpuPlatform {
public:
    virtual ~CpuPlatform() = default;
    // The static CPU model; the interpreter itself fills in OSXSAVE and the XSAVE sizes, which
    // follow the control registers. Also tells which instructions exist: must not change.
    virtual CpuidResult cpuid(uint32_t leaf, uint32_t subleaf) = 0;
    // MSRs that the core does not keep in CpuState: the x2APIC's (0x800..0x8FF), TSC deadline,
    // paravirtual ones. nullopt or false: #GP.
    virtual std::optional<uint64_t> readMsr(uint32_t index) = 0;
    virtual bool writeMsr(uint32_t index, uint64_t value) = 0;
    // IA32_APIC_BASE was written with a legal value (also stored in CpuState); false: #GP.
    virtual bool apicBaseWritten(uint64_t value) = 0;
    // Ticks since power-on, before CpuState::tscOffset.
    virtual uint64_t tsc() = 0;
    // CpuState::tscOffset was written by the guest.
    virtual void tscOffsetChanged() {}
    // VMCALL or VMMCALL: RAX, then RBX, RCX, RDX, RSI. The new RAX; nullopt: there is no
    // hypervisor to call, #UD.
    struct Hypercall {
        uint64_t number = 0;
        std::array<uint64_t, 4> arguments{};
        bool privileged = false; // CPL 0
        bool wide = false;       // 64-bit mode; else the registers' lower halves
    };
    virtual std::optional<uint64_t> hypercall(const Hypercall&) { return std::nullopt; }
    // CR8, bits 0..3: the task priority's class.
    virtual uint8_t taskPriority() = 0;
    virtual void setTaskPriority(uint8_t priority) = 0;
    // Runs `function` while no other vCPU executes anything. Host pointers from before are stale in
    // it and after it; it must not touch the bus.
    virtual void exclusively(const std::function<void()>& function) { function(); }
    // FERR#: an unmasked x87 exception waits and CR0.NE is clear (interrupt 13 on a PC).
    virtual void fpuError() = 0;
};

} // namespace vivarium::softcpu
