#include "vmm/softcpu/instruction_completer.h"

#include "vmm/base/log.h"
#include "vmm/softcpu/soft_vcpu_state.h"

#include <algorithm>
#include <utility>

#include <cpuid.h>

namespace vivarium {

using namespace softcpu;

namespace {

// The widest there is: which address bits are reserved is KVM's to say.
constexpr unsigned kPhysicalBits = 52;

bool isLegacyPrefix(uint8_t byte) {
    switch (byte) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xF0:
    case 0xF2:
    case 0xF3:
        return true;
    default:
        return false;
    }
}

using Need = InstructionCompletion::Need;

// Two-byte opcodes behind 0F (Intel SDM 2D, table A-3).
Need needOfTwoByte(uint8_t opcode, uint8_t next) {
    switch (opcode) {
    case 0x05: // SYSCALL, SYSRET, SYSENTER, SYSEXIT, WRMSR, RDMSR, RDPMC, RDTSC: they need what
    case 0x07: // only KVM knows
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x33:
    case 0x34:
    case 0x35:
        return Need::Unable;
    case 0x01:
        // CLAC and STAC, SMSW and the like; not SWAPGS, RDTSCP, XGETBV, XSETBV.
        return next == 0xF8 || next == 0xF9 || next == 0xD0 || next == 0xD1 ? Need::Unable
                                                                            : Need::General;
    case 0xC7: // CMPXCHG8B and 16B, RDRAND, RDSEED; the rest are XSAVE's
        return (next >> 3 & 7) == 1 || next >> 6 == 3 ? Need::General : Need::Vectors;
    case 0xB8: // POPCNT, TZCNT, LZCNT
    case 0xBC:
    case 0xBD:
        return Need::General;
    default:
        return Need::Vectors;
    }
}

} // namespace

InstructionCompleter::InstructionCompleter(PortBus& ports, MemoryMap& memory,
                                           std::unique_ptr<NativeUnit> native)
    : m_ports(ports), m_memory(memory), m_state(std::make_unique<CpuState>()),
      m_mmu(*m_state, m_view, *this, kPhysicalBits), m_native(std::move(native)),
      m_interpreter(*m_state, m_mmu, *this, *this, *m_native) {
    resetCpu(*m_state, CpuReset::PowerOn);
}

InstructionCompleter::~InstructionCompleter() = default;

void InstructionCompleter::followMemory() {
    std::vector<DirectSection> sections = m_memory.directSections();
    if (sections == m_sections)
        return;
    for (const DirectSection& section : m_sections)
        m_view.remove(section);
    for (const DirectSection& section : sections)
        m_view.add(section);
    m_sections = std::move(sections);
}

bool InstructionCompleter::fetchBytes() {
    m_byteCount = 0;
    uint64_t linear = m_state->segment[kCs].base + m_state->rip;
    if (!code64(*m_state))
        linear &= 0xFFFFFFFF;
    while (m_byteCount < kMaxBytes) {
        const auto physical = m_mmu.inspect(linear + m_byteCount);
        const uint8_t* host = physical ? m_view.host(*physical, 1) : nullptr;
        if (!host)
            break;
        m_bytes[m_byteCount++] = *host;
    }
    return m_byteCount > 0;
}

InstructionCompletion::Need InstructionCompleter::classify() {
    size_t at = 0;
    const auto byteAt = [this](size_t index) {
        return index < m_byteCount ? m_bytes[index] : uint8_t{0};
    };
    while (at < m_byteCount && isLegacyPrefix(m_bytes[at]))
        ++at;
    if (code64(*m_state) && byteAt(at) >> 4 == 4) // REX
        ++at;
    const uint8_t opcode = byteAt(at);
    m_endsNmi = opcode == 0xCF;
    if (opcode == 0x0F)
        return needOfTwoByte(byteAt(at + 1), byteAt(at + 2));
    const bool x87 = (opcode >= 0xD8 && opcode <= 0xDF) || opcode == 0x9B;
    const bool vex = opcode == 0xC4 || opcode == 0xC5 || opcode == 0x62; // or LES, LDS, BOUND
    return x87 || vex ? Need::Vectors : Need::General;
}

InstructionCompletion::Need InstructionCompleter::begin(const VcpuRegisters& registers) {
    followMemory();
    applyRegisters(registers, *m_state);
    m_taskPriority = static_cast<uint8_t>(registers.cr8);
    m_state->interruptShadow = 0;
    m_state->nmiBlocked = 0;
    m_state->pendingDebug = 0;
    m_vectorBytes = 0;
    updateModeKey(*m_state);
    m_mmu.tlb().flushAll(); // the guest may have changed its tables since
    if ((m_state->cr0 & kCr0Pg) && (m_state->cr4 & kCr4Pae) && !longModeActive(*m_state) &&
        !m_mmu.loadPdptes())
        return Need::Unable;
    return fetchBytes() ? classify() : Need::Unable;
}

void InstructionCompleter::setVectors(ConstByteSpan xsave, uint64_t xcr0) {
    m_vectorBytes = std::min(xsave.size(), sizeof m_state->xsave);
    std::copy_n(xsave.begin(), m_vectorBytes, m_state->xsave);
    m_state->xcr0 = xcr0;
    updateModeKey(*m_state);
}

InstructionCompletion::Outcome InstructionCompleter::execute(VcpuRegisters& registers) {
    const StepResult result = m_interpreter.step();
    registers = registersOf(*m_state);
    registers.cr8 = m_taskPriority;
    return result == StepResult::Shutdown ? Outcome::TripleFault : Outcome::Executed;
}

ConstByteSpan InstructionCompleter::vectors() const {
    return {m_state->xsave, m_vectorBytes};
}

std::string InstructionCompleter::text() const {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(m_byteCount, 8); ++i)
        text += formatText(i == 0 ? "%02x" : " %02x", m_bytes[i]);
    return text;
}

uint64_t InstructionCompleter::readPhysical(GuestAddress address, unsigned sizeBytes) {
    uint64_t value = 0;
    m_memory.read(address, ByteSpan(reinterpret_cast<uint8_t*>(&value), sizeBytes));
    return value;
}

void InstructionCompleter::writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) {
    m_memory.write(address, ConstByteSpan(reinterpret_cast<const uint8_t*>(&value), sizeBytes));
}

uint32_t InstructionCompleter::in(uint16_t port, unsigned sizeBytes) {
    return m_ports.read(port, sizeBytes);
}

void InstructionCompleter::out(uint16_t port, unsigned sizeBytes, uint32_t value) {
    m_ports.write(port, sizeBytes, value);
}

// KVM lets guests see more of the host than it was told to hide.
CpuidResult InstructionCompleter::cpuid(uint32_t leaf, uint32_t subleaf) {
    CpuidResult result;
    __cpuid_count(leaf, subleaf, result.eax, result.ebx, result.ecx, result.edx);
    return result;
}

} // namespace vivarium
