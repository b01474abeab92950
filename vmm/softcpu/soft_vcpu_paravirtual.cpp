// What a software vCPU does for KVM's paravirtual services: hypercalls, and the guest's memory.
#include "vmm/softcpu/paravirtual/kvm_interface.h"
#include "vmm/softcpu/soft_vcpu.h"

#include <algorithm>
#include <thread>

namespace vivarium {

using namespace softcpu;

namespace {

constexpr uint64_t kPageBytes = 4096;
// Interrupt command register and message address (Intel SDM 3A, 11.6.1 and 11.11).
constexpr uint64_t kIcrVector = 0xFF, kIcrMode = 7 << 8, kIcrDestination = 1 << 11,
                   kIcrShorthand = 3 << 18;
constexpr uint64_t kMessageBase = 0xFEE00000;
constexpr unsigned kMessageDestination = 12;
constexpr uint32_t kMaxMessageId = 0xFF;

} // namespace

void SoftVcpu::storeGuest(GuestAddress address, ConstByteSpan bytes) {
    while (!bytes.empty()) {
        const auto size = std::min<uint64_t>(bytes.size(), kPageBytes - address % kPageBytes);
        const PhysicalPage page = m_mmu.physical().find(address);
        if (page.host != nullptr && page.writable) {
            const uint8_t flags = page.flags->fetch_and(static_cast<uint8_t>(~kPageClean));
            std::memcpy(page.host + address % kPageBytes, bytes.data(), size);
            m_mmu.wrote({.physical = address, .tracked = (flags & kPageHasCode) != 0},
                        static_cast<unsigned>(size));
        }
        address += size;
        bytes = bytes.subspan(size);
    }
}

uint32_t SoftVcpu::loadGuest(GuestAddress address) {
    uint32_t value = 0;
    if (const uint8_t* host = m_mmu.physical().host(address, sizeof value))
        std::memcpy(&value, host, sizeof value);
    return value;
}

void SoftVcpu::interruptSelf(uint8_t vector) {
    const uint64_t id = m_chips.apicId(m_index);
    if (id <= kMaxMessageId)
        m_chips.sendMessage(kMessageBase | id << kMessageDestination, vector);
}

std::optional<uint64_t> SoftVcpu::hypercall(const Hypercall& call) {
    int64_t result = 0;
    if (!call.privileged) {
        result = -paravirtual::kNotPermitted;
    } else if (call.number == paravirtual::kKickCpu) { // RCX: the APIC id
        if (const auto cpu = m_chips.cpuWithApicId(static_cast<uint32_t>(call.arguments[1])))
            m_machine.kick(*cpu);
    } else if (call.number == paravirtual::kSendIpi) {
        result = sendIpis(call);
    } else if (call.number == paravirtual::kYield) {
        leaveGate();
        std::this_thread::yield();
        enterGate();
    } else if (call.number == paravirtual::kClockPairing) {
        result = -paravirtual::kNotSupported;
    } else if (call.number != paravirtual::kPollInterrupts) {
        result = -paravirtual::kNoSuchCall;
    }
    return static_cast<uint64_t>(result);
}

// RBX and RCX: a bit for each APIC id from RDX on; RSI: what the ICR would get. How many took it.
int64_t SoftVcpu::sendIpis(const Hypercall& call) {
    const auto [low, high, first, icr] = call.arguments;
    if (icr & (kIcrDestination | kIcrShorthand))
        return -paravirtual::kInvalid;
    const unsigned width = call.wide ? 64 : 32;
    int64_t taken = 0;
    for (unsigned bit = 0; bit < 2 * width; ++bit) {
        const uint64_t half = bit < width ? low : high;
        if (!(half >> bit % width & 1))
            continue;
        const uint64_t id = first + bit;
        if (id > kMaxMessageId || !m_chips.cpuWithApicId(static_cast<uint32_t>(id)))
            continue;
        m_chips.sendMessage(kMessageBase | id << kMessageDestination,
                            static_cast<uint32_t>(icr & (kIcrVector | kIcrMode)));
        ++taken;
    }
    return taken;
}

} // namespace vivarium
