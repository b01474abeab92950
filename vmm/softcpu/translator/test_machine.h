#pragma once

#include "vmm/softcpu/interpreter/interpreter.h"
#include "vmm/softcpu/interpreter/xsave_area.h"
#include "vmm/softcpu/test_support/flat_memory.h"
#include "vmm/softcpu/translator/translator.h"

#include <cpuid.h>

#include <array>
#include <cstdlib>
#include <memory>

namespace vivarium::softcpu::test {

// The host's own identification; no local APIC.
class HostPlatform final : public CpuPlatform {
public:
    CpuidResult cpuid(uint32_t leaf, uint32_t subleaf) override {
        CpuidResult result;
        __cpuid_count(leaf, subleaf, result.eax, result.ebx, result.ecx, result.edx);
        return result;
    }
    std::optional<uint64_t> readMsr(uint32_t) override { return std::nullopt; }
    bool writeMsr(uint32_t, uint64_t) override { return false; }
    bool apicBaseWritten(uint64_t) override { return true; }
    uint64_t tsc() override { return ++m_ticks; }
    uint8_t taskPriority() override { return 0; }
    void setTaskPriority(uint8_t) override {}
    void fpuError() override {}

private:
    uint64_t m_ticks = 0;
};

// A vCPU with RAM for tests. It starts in 64-bit mode, CPL 0, paging on: four pages at kCode (one
// of code, three of data) are mapped where they lie, and the tables that fault delivery needs at
// kSystem. Every exception vector ends in HLT.
class TestMachine {
public:
    static constexpr uint64_t kCode = 0x200000, kData = 0x201000;
    static constexpr unsigned kPages = 4;
    static constexpr uint64_t kWindowBytes = kPages * 4096;
    static constexpr uint64_t kSystem = 0x700000000000; // linear; at 0 in RAM
    static constexpr uint64_t kIdt = 0x8000, kHandlers = 0x9000, kGdt = 0xA000, kTss = 0xB000,
                              kFaultStack = 0xF000;
    static constexpr uint16_t kCodeSelector = 8, kDataSelector = 16;

    TestMachine()
        : memory(0x400000), state(std::make_unique<CpuState>()),
          mmu(*state, memory.view(), memory, 40), native(NativeUnit::create().value()),
          interpreter(*state, mmu, memory, platform, *native), coherence(memory.view()) {
        buildTables();
        enterLongMode();
    }

    // Made on first use: then it is the one that hears of writes to code.
    Translator& translator(size_t codeBytes = size_t{1} << 20) {
        if (!m_translator)
            m_translator = std::make_unique<Translator>(
                *state, mmu, interpreter, coherence, Translator::reserveCache({codeBytes}).value());
        return *m_translator;
    }

    void put(uint64_t address, const std::vector<uint8_t>& bytes) { memory.put(address, bytes); }

    // Runs from kCode to HLT; which of the two executes.
    enum class By { Interpreter, Translator };
    bool run(By by) {
        state->activity = Activity::Running;
        if (by == By::Translator)
            return translator().run() == ExecutorExit::Inactive;
        for (unsigned i = 0; i < 10'000'000; ++i) {
            StepResult result = interpreter.step();
            if (result == StepResult::Halted || result == StepResult::Shutdown)
                return true;
        }
        return false;
    }

    // The vector whose handler the vCPU halted in, or -1.
    int faultVector() const {
        uint64_t offset = state->rip - (kSystem + kHandlers);
        return offset < 32 * 16 ? static_cast<int>(offset / 16) : -1;
    }

    void enterLongMode() {
        resetCpu(*state, CpuReset::PowerOn);
        state->cr0 = kCr0Pe | kCr0Mp | kCr0Et | kCr0Ne | kCr0Wp | kCr0Pg;
        state->cr3 = 0x1000;
        state->cr4 = kCr4Pae | kCr4Osfxsr | kCr4Osxmmexcpt | kCr4Osxsave;
        state->efer = kEferLme | kEferLma | kEferNxe;
        state->xcr0 = hostXsaveComponents();
        state->segment[kCs] = {0, 0xFFFFFFFF, kCodeSelector, 0xA09B};
        for (unsigned segment : {kEs, kSs, kDs, kFs, kGs})
            state->segment[segment] = {0, 0xFFFFFFFF, kDataSelector, 0xC093};
        state->gdtr = {kSystem + kGdt, 0xFF};
        state->idtr = {kSystem + kIdt, 32 * 16 - 1};
        state->tr = {kSystem + kTss, 103, 24, 0x8B};
        state->rip = kCode;
        state->gpr[kRsp] = kData + 0x2000;
        mmu.tlb().flushAll();
        updateModeKey(*state);
    }

    // Page tables, descriptor tables and handlers, in RAM below kPages' addresses.
    void buildTables() {
        constexpr uint64_t kPresent = 3;
        memory.store<uint64_t>(0x1000, 0x2000 | kPresent); // linear 0
        memory.store<uint64_t>(0x2000, 0x3000 | kPresent);
        memory.store<uint64_t>(0x3000 + 8, 0x4000 | kPresent); // 0x200000
        for (unsigned i = 0; i < kPages; ++i)
            memory.store<uint64_t>(0x4000 + i * 8, (kCode + i * 4096) | kPresent);
        memory.store<uint64_t>(0x1000 + (kSystem >> 39) * 8, 0x5000 | kPresent);
        memory.store<uint64_t>(0x5000, 0x6000 | kPresent);
        memory.store<uint64_t>(0x6000, 0 | kPresent | 0x80); // 2 MiB at 0
        for (unsigned vector = 0; vector < 32; ++vector) {
            uint64_t handler = kSystem + kHandlers + vector * 16;
            memory.store<uint64_t>(kIdt + vector * 16,
                                   (handler & 0xFFFF) | uint64_t{kCodeSelector} << 16 |
                                       uint64_t{0x8E01} << 32 | (handler >> 16 & 0xFFFF) << 48);
            memory.store<uint64_t>(kIdt + vector * 16 + 8, handler >> 32);
            memory.store<uint8_t>(kHandlers + vector * 16, 0xF4);
        }
        memory.store<uint64_t>(kGdt + kCodeSelector, 0x00AF9B000000FFFF);
        memory.store<uint64_t>(kGdt + kDataSelector, 0x00CF93000000FFFF);
        memory.store<uint64_t>(kTss + 0x24, kSystem + kFaultStack); // IST1
    }

    FlatMemory memory;
    HostPlatform platform;
    std::unique_ptr<CpuState> state;
    SoftMmu mmu;
    std::unique_ptr<NativeUnit> native;
    Interpreter interpreter;
    CodeCoherence coherence;

private:
    std::unique_ptr<Translator> m_translator;
};

// How many rounds a random test makes: `usual`, or VIVARIUM_TEST_ROUNDS times as many.
inline unsigned testRounds(unsigned usual) {
    const char* factor = std::getenv("VIVARIUM_TEST_ROUNDS");
    unsigned times = factor ? static_cast<unsigned>(std::strtoul(factor, nullptr, 10)) : 1;
    return usual * std::max(times, 1u);
}

} // namespace vivarium::softcpu::test
