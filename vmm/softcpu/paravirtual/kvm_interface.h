#pragma once

#include <cstddef>
#include <cstdint>

// KVM's paravirtual interface (Linux, Documentation/virt/kvm/x86/cpuid.rst, msr.rst,
// hypercalls.rst).
namespace vivarium::paravirtual {

// CPUID leaf 0x40000001, EAX.
inline constexpr uint32_t kClockSource = 1 << 0, kNoIoDelay = 1 << 1, kClockSource2 = 1 << 3,
                          kClockSourceStable = 1 << 24;

namespace msr {
// The first two also have the numbers that they began with.
inline constexpr uint32_t kOldWallClock = 0x11, kOldSystemTime = 0x12, kWallClock = 0x4B564D00,
                          kSystemTime = 0x4B564D01, kAsyncFault = 0x4B564D02,
                          kStealTime = 0x4B564D03, kEndOfInterrupt = 0x4B564D04,
                          kPollControl = 0x4B564D05, kAsyncFaultVector = 0x4B564D06,
                          kAsyncFaultDone = 0x4B564D07;
} // namespace msr

// Bit 0 of the registers that hold an address.
inline constexpr uint64_t kEnabled = 1;

// struct pvclock_vcpu_time_info: version 4, pad 4, tsc_timestamp 8, system_time 8,
// tsc_to_system_mul 4, tsc_shift 1, flags 1, pad 2.
inline constexpr size_t kTimeInfoBytes = 32, kTimeInfoTsc = 8, kTimeInfoSystem = 16,
                        kTimeInfoMultiplier = 24, kTimeInfoShift = 28, kTimeInfoFlags = 29;
inline constexpr uint8_t kTscStable = 1 << 0; // of the flags: all processors count in step
// struct pvclock_wall_clock: version 4, sec 4, nsec 4.
inline constexpr size_t kWallClockBytes = 12, kWallClockSeconds = 4, kWallClockNanoseconds = 8;
// struct kvm_steal_time.
inline constexpr size_t kStealTimePreempted = 16;
// struct kvm_vcpu_pv_apf_data.
inline constexpr size_t kAsyncFaultToken = 4;
inline constexpr uint32_t kWakeAll = ~0u; // a token: whatever waits for a page goes on
inline constexpr uint64_t kAsyncFaultByInterrupt = 1 << 3;

// Hypercalls, in RAX.
inline constexpr uint64_t kPollInterrupts = 1, kKickCpu = 5, kClockPairing = 9, kSendIpi = 10,
                          kYield = 11;
// Their errors, negated.
inline constexpr int64_t kNotPermitted = 1, kInvalid = 22, kNotSupported = 95, kNoSuchCall = 1000;

} // namespace vivarium::paravirtual
