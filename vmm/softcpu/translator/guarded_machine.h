#pragma once

#include "vmm/softcpu/interpreter/interpreter.h"
#include "vmm/softcpu/test_support/test_cpu.h"
#include "vmm/softcpu/translator/translator.h"

#include <cstdint>
#include <cstdlib>
#include <memory>

#include <sys/mman.h>

namespace vivarium::softcpu::test {

// Guest RAM and ROM that lie between pages of nothing, more of them than a 32-bit offset reaches:
// whatever misses is a fault of the host's. Device accesses are answered from their address and
// remembered as one number.
class GuardedMemory final : public CpuBus {
public:
    static constexpr uint64_t kRamBytes = 0x40000, kRomBase = 0xF0000, kRomBytes = 0x10000;
    static constexpr uint64_t kGuardBytes = uint64_t{1} << 32;

    GuardedMemory() : m_ram(place(kRamBytes)), m_rom(place(kRomBytes)) {
        for (uint64_t i = 0; i < kRomBytes; ++i)
            m_rom[i] = static_cast<uint8_t>(i * 37 >> 3);
        ::mprotect(m_rom, kRomBytes, PROT_READ);
        m_view.add(
            {0, kRamBytes, m_ram, DirectSection::Access::ReadWrite, MemoryRegion::DirtyLog::Off});
        m_view.add({kRomBase, kRomBytes, m_rom, DirectSection::Access::ReadOnly,
                    MemoryRegion::DirtyLog::Off});
    }
    ~GuardedMemory() {
        ::munmap(m_ram - kGuardBytes, kRamBytes + 2 * kGuardBytes);
        ::munmap(m_rom - kGuardBytes, kRomBytes + 2 * kGuardBytes);
    }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    PhysicalView& view() { return m_view; }
    uint8_t* ram() const { return m_ram; }
    template <class T>
    void store(GuestAddress address, T value) {
        std::memcpy(m_ram + address, &value, sizeof value);
    }

    uint64_t readPhysical(GuestAddress address, unsigned sizeBytes) override {
        note(1, address, sizeBytes);
        return address * 0x9E3779B97F4A7C15;
    }
    void writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) override {
        note(2, address ^ value << 7, sizeBytes);
    }
    uint32_t in(uint16_t port, unsigned sizeBytes) override {
        note(3, port, sizeBytes);
        return port * 0x9E3779B9u;
    }
    void out(uint16_t port, unsigned sizeBytes, uint32_t value) override {
        note(4, port ^ uint64_t{value} << 16, sizeBytes);
    }

    uint64_t accesses = 0; // a digest of them, in order

private:
    static uint8_t* place(uint64_t sizeBytes) {
        void* all = ::mmap(nullptr, sizeBytes + 2 * kGuardBytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED)
            std::abort();
        uint8_t* memory = static_cast<uint8_t*>(all) + kGuardBytes;
        ::mprotect(memory, sizeBytes, PROT_READ | PROT_WRITE);
        return memory;
    }
    void note(uint64_t kind, uint64_t address, unsigned sizeBytes) {
        accesses =
            (accesses ^ address ^ kind << 60 ^ uint64_t{sizeBytes} << 56) * 0x100000001B3 + kind;
    }

    uint8_t* m_ram;
    uint8_t* m_rom;
    PhysicalView m_view;
};

// The host's instruction set without what gives other results each time.
class RepeatablePlatform final : public FakePlatform {
public:
    CpuidResult cpuid(uint32_t leaf, uint32_t subleaf) override {
        CpuidResult result = FakePlatform::cpuid(leaf, subleaf);
        if (leaf == 1)
            result.ecx &= ~(1u << 30); // RDRAND
        if (leaf == 7 && subleaf == 0)
            result.ebx &= ~(1u << 18); // RDSEED
        return result;
    }
};

// A vCPU in guarded memory.
struct GuardedMachine {
    GuardedMachine()
        : state(std::make_unique<CpuState>()), mmu(*state, memory.view(), memory, 40),
          native(NativeUnit::create().value()), interpreter(*state, mmu, memory, platform, *native),
          coherence(memory.view()) {}

    // From then on it hears of writes to code.
    Translator& translator(size_t codeBytes = size_t{4} << 20) {
        if (!m_translator)
            m_translator = std::make_unique<Translator>(
                *state, mmu, interpreter, coherence, Translator::reserveCache({codeBytes}).value());
        return *m_translator;
    }

    GuardedMemory memory;
    RepeatablePlatform platform;
    std::unique_ptr<CpuState> state;
    SoftMmu mmu;
    std::unique_ptr<NativeUnit> native;
    Interpreter interpreter;
    CodeCoherence coherence;

private:
    std::unique_ptr<Translator> m_translator;
};

} // namespace vivarium::softcpu::test
