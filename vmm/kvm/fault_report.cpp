#include "vmm/kvm/fault_report.h"

#include "vmm/base/log.h"

#include <algorithm>

namespace vivarium {

namespace {

constexpr size_t kMaxInstructionBytes = 15; // Intel SDM 2A, 2.3.11
constexpr uint64_t kEferLongModeActive = 1 << 10;
constexpr uint64_t kCr0Protected = 1;
constexpr uint64_t kFlagsVirtual8086 = 1 << 17;
constexpr uint16_t kSegmentLong = 1 << 13;
constexpr uint16_t kSegmentBig = 1 << 14;

unsigned long long wide(uint64_t value) {
    return value;
}

std::vector<uint8_t> fetchInstruction(Vcpu& vcpu, uint64_t linearAddress,
                                      const std::vector<DirectSection>& sections) {
    std::vector<uint8_t> bytes;
    while (bytes.size() < kMaxInstructionBytes) {
        auto physical = vcpu.translate(linearAddress + bytes.size());
        if (!physical)
            break;
        auto section = std::find_if(sections.begin(), sections.end(), [&](const DirectSection& s) {
            return *physical >= s.base && *physical - s.base < s.sizeBytes;
        });
        if (section == sections.end())
            break;
        bytes.push_back(section->host[*physical - section->base]);
    }
    return bytes;
}

std::string segmentText(const char* name, const SegmentRegister& s) {
    return formatText("%s=%04x base %llx limit %x attributes %04x", name, s.selector, wide(s.base),
                      s.limit, s.attributes);
}

} // namespace

const char* faultModeName(FaultReport::Mode mode) {
    switch (mode) {
    case FaultReport::Mode::Real:
        return "real mode";
    case FaultReport::Mode::Virtual8086:
        return "virtual-8086 mode";
    case FaultReport::Mode::Protected16:
        return "16-bit protected mode";
    case FaultReport::Mode::Protected32:
        return "32-bit protected mode";
    case FaultReport::Mode::Compatibility:
        return "compatibility mode";
    case FaultReport::Mode::Long:
        return "64-bit mode";
    }
    return "unknown mode";
}

FaultReport::Mode executionMode(const VcpuRegisters& registers) {
    if (registers.efer & kEferLongModeActive)
        return registers.cs.attributes & kSegmentLong ? FaultReport::Mode::Long
                                                      : FaultReport::Mode::Compatibility;
    if (!(registers.cr0 & kCr0Protected))
        return FaultReport::Mode::Real;
    if (registers.rflags & kFlagsVirtual8086)
        return FaultReport::Mode::Virtual8086;
    return registers.cs.attributes & kSegmentBig ? FaultReport::Mode::Protected32
                                                 : FaultReport::Mode::Protected16;
}

FaultReport collectFaultReport(Vcpu& vcpu, unsigned vcpuIndex, const std::string& reason,
                               const MemoryMap& memory) {
    FaultReport report;
    report.vcpuIndex = vcpuIndex;
    report.reason = reason;
    auto registers = vcpu.registers();
    if (!registers) {
        report.reason += "; its registers cannot be read: " + registers.error().detail;
        return report;
    }
    report.registers = *registers;
    report.mode = executionMode(report.registers);
    // In 64-bit mode the CS base counts as 0 (Intel SDM 1, 3.3.4); elsewhere addresses have 32
    // bits.
    report.linearAddress = report.mode == FaultReport::Mode::Long
                               ? registers->rip
                               : (registers->cs.base + registers->rip) & 0xFFFFFFFF;
    report.instructionBytes = fetchInstruction(vcpu, report.linearAddress, memory.directSections());
    return report;
}

std::string FaultReport::text() const {
    const VcpuRegisters& r = registers;
    std::string bytes;
    for (uint8_t byte : instructionBytes)
        bytes += formatText("%s%02x", bytes.empty() ? "" : " ", byte);
    if (bytes.empty())
        bytes = "unreadable";
    return formatText("vCPU %u: ", vcpuIndex) + reason + "\n" +
           formatText("%s, RIP %llx, CS base %llx, instruction at %llx: ", faultModeName(mode),
                      wide(r.rip), wide(r.cs.base), wide(linearAddress)) +
           bytes + "\n" +
           formatText("RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx\n", wide(r.rax), wide(r.rbx),
                      wide(r.rcx), wide(r.rdx)) +
           formatText("RSI=%016llx RDI=%016llx RSP=%016llx RBP=%016llx\n", wide(r.rsi), wide(r.rdi),
                      wide(r.rsp), wide(r.rbp)) +
           formatText("R8 =%016llx R9 =%016llx R10=%016llx R11=%016llx\n", wide(r.r8), wide(r.r9),
                      wide(r.r10), wide(r.r11)) +
           formatText("R12=%016llx R13=%016llx R14=%016llx R15=%016llx\n", wide(r.r12), wide(r.r13),
                      wide(r.r14), wide(r.r15)) +
           formatText("RFLAGS=%llx CR0=%llx CR2=%llx CR3=%llx CR4=%llx EFER=%llx\n", wide(r.rflags),
                      wide(r.cr0), wide(r.cr2), wide(r.cr3), wide(r.cr4), wide(r.efer)) +
           segmentText("CS", r.cs) + "\n" + segmentText("SS", r.ss) + "\n" +
           formatText("GDT %llx limit %x, IDT %llx limit %x", wide(r.gdt.base), r.gdt.limit,
                      wide(r.idt.base), r.idt.limit);
}

} // namespace vivarium
