#pragma once

#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/kvm/instruction_completion.h"
#include "vmm/softcpu/cpu_bus.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/interpreter/interpreter.h"
#include "vmm/softcpu/interpreter/native_unit.h"
#include "vmm/softcpu/memory/soft_mmu.h"

#include <array>
#include <memory>
#include <vector>

namespace vivarium {

// The interpreter as KVM's help for instructions that its emulator lacks. Follows the memory map by
// itself: it compares the direct sections at each instruction. Thread: its vCPU's.
class InstructionCompleter final : public InstructionCompletion,
                                   private softcpu::CpuBus,
                                   private softcpu::CpuPlatform {
public:
    // The buses outlive it.
    InstructionCompleter(PortBus& ports, MemoryMap& memory,
                         std::unique_ptr<softcpu::NativeUnit> native);
    ~InstructionCompleter() override;

    Need begin(const VcpuRegisters& registers) override;
    void setVectors(ConstByteSpan xsave, uint64_t xcr0) override;
    Outcome execute(VcpuRegisters& registers) override;
    ConstByteSpan vectors() const override;
    bool endsNmi() const override { return m_endsNmi; }
    std::string text() const override;

private:
    static constexpr size_t kMaxBytes = 15; // of an instruction
    void followMemory();
    bool fetchBytes();
    Need classify();

    // softcpu::CpuBus
    uint64_t readPhysical(GuestAddress address, unsigned sizeBytes) override;
    void writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) override;
    uint32_t in(uint16_t port, unsigned sizeBytes) override;
    void out(uint16_t port, unsigned sizeBytes, uint32_t value) override;
    // softcpu::CpuPlatform; MSRs and the clock are KVM's own business
    softcpu::CpuidResult cpuid(uint32_t leaf, uint32_t subleaf) override;
    std::optional<uint64_t> readMsr(uint32_t) override { return std::nullopt; }
    bool writeMsr(uint32_t, uint64_t) override { return false; }
    bool apicBaseWritten(uint64_t) override { return false; }
    uint64_t tsc() override { return 0; }
    uint8_t taskPriority() override { return m_taskPriority; }
    void setTaskPriority(uint8_t priority) override { m_taskPriority = priority; }
    void fpuError() override {}

    PortBus& m_ports;
    MemoryMap& m_memory;
    uint8_t m_taskPriority = 0;
    std::vector<DirectSection> m_sections; // as in m_view
    softcpu::PhysicalView m_view;
    std::unique_ptr<softcpu::CpuState> m_state;
    softcpu::SoftMmu m_mmu;
    std::unique_ptr<softcpu::NativeUnit> m_native;
    softcpu::Interpreter m_interpreter;
    std::array<uint8_t, kMaxBytes> m_bytes{};
    size_t m_byteCount = 0;
    size_t m_vectorBytes = 0;
    bool m_endsNmi = false;
};

} // namespace vivarium
