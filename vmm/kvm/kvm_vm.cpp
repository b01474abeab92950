#include "vmm/kvm/kvm_vm.h"

#include "vmm/base/log.h"
#include "vmm/kvm/accelerator_section.h"
#include "vmm/kvm/kvm_ioctl.h"

namespace vivarium {

namespace {

// Four pages that Intel processors need for real mode, below the BIOS and above the chipset's
// windows; nothing else may be mapped there.
constexpr uint64_t kIdentityMapAddress = 0xFEFFC000;
constexpr unsigned long kTaskStateAddress = 0xFEFFD000; // three pages
constexpr uint32_t kMaxXapicId = 254;

Result<std::vector<uint8_t>> readIrqChip(int vmFd, uint32_t id) {
    kvm_irqchip chip{};
    chip.chip_id = id;
    TRY(kvmCall(vmFd, KVM_GET_IRQCHIP, &chip, "read an interrupt controller"));
    auto* bytes = reinterpret_cast<const uint8_t*>(&chip);
    return std::vector<uint8_t>(bytes, bytes + sizeof chip);
}

Result<void> writeIrqChip(int vmFd, uint32_t id, const std::vector<uint8_t>& bytes) {
    kvm_irqchip chip;
    std::memcpy(&chip, bytes.data(), sizeof chip);
    chip.chip_id = id;
    TRY(kvmCall(vmFd, KVM_SET_IRQCHIP, &chip, "set an interrupt controller"));
    return {};
}

uint64_t readClockNs(int vmFd) {
    kvm_clock_data clock{};
    kvmIoctl(vmFd, KVM_GET_CLOCK, &clock);
    return clock.clock;
}

} // namespace

KvmVm::KvmVm(const KvmSystem& system, UniqueFd fd, const CpuTopology& topology)
    : m_system(system), m_topology(topology), m_fd(std::move(fd)),
      m_slots(m_fd.get(),
              static_cast<uint32_t>(std::max(system.extension(KVM_CAP_NR_MEMSLOTS), 32)), m_gate),
      m_interrupts(m_fd.get()) {}

KvmVm::~KvmVm() = default;

Result<std::unique_ptr<KvmVm>> KvmVm::create(const KvmSystem& system, const CpuTopology& topology,
                                             Processors processors) {
    TRY(checkTopology(topology));
    uint32_t highestApicId = apicIdOf(topology, topology.cpuCount() - 1);
    if (topology.cpuCount() > system.maxVcpus() || highestApicId >= system.maxVcpuIds())
        return fail(ErrorCode::LimitExceeded,
                    formatText("%u processors are more than the %u that this host's KVM supports",
                               topology.cpuCount(), system.maxVcpus()));
    UniqueFd fd(TRY(kvmCall(system.fd(), KVM_CREATE_VM, 0ul, "create a virtual machine")));
    std::unique_ptr<KvmVm> vm(new KvmVm(system, std::move(fd), topology));
    if (highestApicId > kMaxXapicId) {
        kvm_enable_cap wideIds{};
        wideIds.cap = KVM_CAP_X2APIC_API;
        wideIds.args[0] = KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
        TRY(kvmCall(vm->fd(), KVM_ENABLE_CAP, &wideIds, "enable wide APIC ids"));
    }
    if (processors == Processors::Now)
        TRY(vm->addProcessors());
    return vm;
}

Result<void> KvmVm::addProcessors() {
    TRY(createChips());
    return createVcpus();
}

Result<void> KvmVm::createChips() {
    uint64_t identityMap = kIdentityMapAddress;
    TRY(kvmCall(fd(), KVM_SET_IDENTITY_MAP_ADDR, &identityMap, "place the identity map"));
    TRY(kvmCall(fd(), KVM_SET_TSS_ADDR, kTaskStateAddress, "place the task state"));
    TRY(kvmCall(fd(), KVM_CREATE_IRQCHIP, 0ul, "create the interrupt controllers"));
    kvm_pit_config pit{};
    pit.flags = KVM_PIT_SPEAKER_DUMMY; // port 0x61 belongs to the PIT's gate and output
    TRY(kvmCall(fd(), KVM_CREATE_PIT2, &pit, "create the PIT"));
    TRY(m_interrupts.setRouting());
    m_powerOn = TRY(readChips());
    return {};
}

Result<void> KvmVm::createVcpus() {
    CpuidOptions options;
    options.topology = m_topology;
    options.tscDeadlineTimer = m_system.extension(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    for (uint32_t i = 0; i < m_topology.cpuCount(); ++i) {
        options.cpuIndex = i;
        m_vcpus.push_back(TRY(KvmVcpu::create(m_system, fd(), m_gate, apicIdOf(m_topology, i),
                                              guestCpuid(m_system.supportedCpuid(), options))));
        m_vcpus.back()->setCompletion(m_completion);
    }
    return {};
}

Result<KvmVm::Chips> KvmVm::readChips() const {
    Chips chips;
    chips.pic0 = TRY(readIrqChip(fd(), KVM_IRQCHIP_PIC_MASTER));
    chips.pic1 = TRY(readIrqChip(fd(), KVM_IRQCHIP_PIC_SLAVE));
    chips.ioapic = TRY(readIrqChip(fd(), KVM_IRQCHIP_IOAPIC));
    chips.pit.resize(sizeof(kvm_pit_state2));
    TRY(kvmCall(fd(), KVM_GET_PIT2, chips.pit.data(), "read the PIT"));
    return chips;
}

Result<void> KvmVm::writeChips(const Chips& chips) const {
    TRY(writeIrqChip(fd(), KVM_IRQCHIP_PIC_MASTER, chips.pic0));
    TRY(writeIrqChip(fd(), KVM_IRQCHIP_PIC_SLAVE, chips.pic1));
    TRY(writeIrqChip(fd(), KVM_IRQCHIP_IOAPIC, chips.ioapic));
    TRY(kvmCall(fd(), KVM_SET_PIT2, chips.pit.data(), "set the PIT"));
    return {};
}

void KvmVm::setPitOutput(PitOutput output) {
    kvm_pit_state2 pit{};
    if (kvmIoctl(fd(), KVM_GET_PIT2, &pit) < 0)
        return;
    uint32_t before = pit.flags;
    if (output == PitOutput::Disconnected)
        pit.flags |= KVM_PIT_FLAGS_HPET_LEGACY;
    else
        pit.flags &= ~static_cast<uint32_t>(KVM_PIT_FLAGS_HPET_LEGACY);
    if (pit.flags != before)
        kvmIoctl(fd(), KVM_SET_PIT2, &pit);
}

void KvmVm::pauseClock() {
    if (m_pausedClockNs)
        return;
    m_pausedClockNs = readClockNs(fd());
    for (const auto& vcpu : m_vcpus)
        vcpu->announcePause();
}

void KvmVm::resumeClock() {
    if (!m_pausedClockNs)
        return;
    kvm_clock_data clock{};
    clock.clock = *m_pausedClockNs;
    if (kvmIoctl(fd(), KVM_SET_CLOCK, &clock) < 0)
        logWarning("kvm", systemError(errno, "set the guest's clock").detail);
    m_pausedClockNs.reset();
}

Result<void> KvmVm::reset() {
    return writeChips(m_powerOn);
}

Result<void> KvmVm::save(StateWriter& writer) {
    Chips chips = TRY(readChips());
    writer.fields(static_cast<uint32_t>(m_vcpus.size()), chips.pic0, chips.pic1, chips.ioapic,
                  chips.pit, m_pausedClockNs.value_or(readClockNs(fd())),
                  m_vcpus.front()->timeStampKhz());
    return {};
}

Result<void> KvmVm::restore(StateReader& reader) {
    uint32_t vcpuCount = 0;
    Chips chips;
    uint64_t clockNs = 0;
    TRY(reader.fields(vcpuCount, chips.pic0, chips.pic1, chips.ioapic, chips.pit, clockNs));
    uint32_t timeStampKhz = 0; // 0: not known
    if (reader.sectionVersion() >= kAcceleratorWithTimeStampRate)
        TRY(reader.fields(timeStampKhz));
    if (vcpuCount != m_vcpus.size())
        return fail(ErrorCode::Unsupported,
                    formatText("the saved state has %u processors, the machine %zu", vcpuCount,
                               m_vcpus.size()));
    if (chips.pic0.size() != sizeof(kvm_irqchip) || chips.pic1.size() != sizeof(kvm_irqchip) ||
        chips.ioapic.size() != sizeof(kvm_irqchip) || chips.pit.size() != sizeof(kvm_pit_state2))
        return fail(ErrorCode::Corrupt, "saved state: a chip has a wrong size");
    for (const auto& vcpu : m_vcpus)
        vcpu->setTimeStampKhz(timeStampKhz);
    TRY(writeChips(chips));
    bool paused = m_pausedClockNs.has_value();
    m_pausedClockNs = clockNs;
    if (!paused)
        resumeClock();
    return {};
}

} // namespace vivarium
