#include "vmm/kvm/kvm_interrupts.h"

#include "vmm/kvm/kvm_ioctl.h"

namespace vivarium {

Result<void> KvmInterrupts::setRouting() {
    constexpr uint32_t kIoApicPins = 24, kTimerPin = 2, kCascade = 2, kPicPins = 8;
    std::vector<kvm_irq_routing_entry> routes;
    auto wire = [&](uint32_t gsi, uint32_t chip, uint32_t pin) {
        kvm_irq_routing_entry entry{};
        entry.gsi = gsi;
        entry.type = KVM_IRQ_ROUTING_IRQCHIP;
        entry.u.irqchip.irqchip = chip;
        entry.u.irqchip.pin = pin;
        routes.push_back(entry);
    };
    for (uint32_t gsi = 0; gsi < kIoApicPins; ++gsi) {
        if (gsi == kCascade) // joins the two PICs, and its IOAPIC pin is the timer's
            continue;
        if (gsi < kPicPins)
            wire(gsi, KVM_IRQCHIP_PIC_MASTER, gsi);
        else if (gsi < 2 * kPicPins)
            wire(gsi, KVM_IRQCHIP_PIC_SLAVE, gsi - kPicPins);
        wire(gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? kTimerPin : gsi);
    }
    KvmArray<kvm_irq_routing_entry> array(routes);
    TRY(kvmCall(m_vmFd, kKvmSetGsiRouting, array.data(), "wire the interrupt lines"));
    return {};
}

void KvmInterrupts::setLine(uint32_t gsi, Level level) {
    kvm_irq_level line{};
    line.irq = gsi;
    line.level = level == Level::High ? 1 : 0;
    kvmIoctl(m_vmFd, KVM_IRQ_LINE, &line); // fails for a line that is wired to nothing
}

void KvmInterrupts::sendMessage(uint64_t address, uint32_t data) {
    kvm_msi message{};
    message.address_lo = static_cast<uint32_t>(address);
    message.address_hi = static_cast<uint32_t>(address >> 32);
    message.data = data;
    kvmIoctl(m_vmFd, KVM_SIGNAL_MSI, &message); // fails for an address without a local APIC
}

Result<Registration> KvmInterrupts::bindDoorbell(const Doorbell& doorbell, int eventFd) {
    if (doorbell.value && doorbell.sizeBytes == 0)
        return fail(ErrorCode::InvalidArgument, "a doorbell with a value needs a size");
    kvm_ioeventfd event{};
    event.addr = doorbell.address;
    event.len = doorbell.sizeBytes;
    event.fd = eventFd;
    if (doorbell.space == Doorbell::Space::Port)
        event.flags |= KVM_IOEVENTFD_FLAG_PIO;
    if (doorbell.value) {
        event.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
        event.datamatch = *doorbell.value;
    }
    TRY(kvmCall(m_vmFd, KVM_IOEVENTFD, &event, "bind a doorbell"));
    return Registration([vmFd = m_vmFd, event]() mutable {
        event.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
        kvmIoctl(vmFd, KVM_IOEVENTFD, &event);
    });
}

Result<Registration> KvmInterrupts::bindInterrupt(int eventFd, uint32_t gsi) {
    kvm_irqfd event{};
    event.fd = static_cast<uint32_t>(eventFd);
    event.gsi = gsi;
    TRY(kvmCall(m_vmFd, KVM_IRQFD, &event, "bind an interrupt event"));
    return Registration([vmFd = m_vmFd, event]() mutable {
        event.flags |= KVM_IRQFD_FLAG_DEASSIGN;
        kvmIoctl(vmFd, KVM_IRQFD, &event);
    });
}

} // namespace vivarium
