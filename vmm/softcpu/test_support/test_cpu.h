#pragma once

#include "vmm/softcpu/interpreter/interpreter.h"
#include "vmm/softcpu/test_support/flat_memory.h"

#include <cpuid.h>

#include <map>
#include <memory>
#include <vector>

namespace vivarium::softcpu::test {

// A platform with the host's instruction set and a clock that counts calls.
class FakePlatform : public CpuPlatform {
public:
    CpuidResult cpuid(uint32_t leaf, uint32_t subleaf) override {
        CpuidResult result;
        __cpuid_count(leaf, subleaf, result.eax, result.ebx, result.ecx, result.edx);
        if (leaf == 1)
            result.edx &= ~(1u << 1); // VME
        if (leaf == 1)
            result.ecx |= 1u << 3 | 1u << 17; // MONITOR, PCID
        if (leaf == 7 && subleaf == 0)
            result.ebx |= 1u << 10; // INVPCID
        if (leaf == 0x80000008)
            result.eax = 0x3028; // 40 and 48 address bits
        return result;
    }
    std::optional<uint64_t> readMsr(uint32_t index) override {
        const auto found = msrs.find(index);
        return found == msrs.end() ? std::nullopt : std::optional(found->second);
    }
    bool writeMsr(uint32_t index, uint64_t value) override {
        const auto found = msrs.find(index);
        if (found == msrs.end())
            return false;
        found->second = value;
        return true;
    }
    bool apicBaseWritten(uint64_t) override { return true; }
    uint64_t tsc() override { return ticks += 100; }
    uint8_t taskPriority() override { return priority; }
    void setTaskPriority(uint8_t value) override { priority = value; }
    void fpuError() override { ++fpuErrors; }

    std::map<uint32_t, uint64_t> msrs;
    uint64_t ticks = 0;
    uint8_t priority = 0;
    int fpuErrors = 0;
};

// A whole CPU on flat memory, in one of the usual states.
class TestCpu {
public:
    // Where everything lies.
    static constexpr uint64_t kGdt = 0x1000, kIdt = 0x2000, kTss = 0x3000, kCode = 0x8000,
                              kStack0 = 0x20000, kStack3 = 0x30000, kData = 0x40000,
                              kHandlers = 0x10000, kTables = 0x50000, kIst1 = 0x28000;
    static constexpr uint16_t kCode0 = 0x08, kData0 = 0x10, kCode3 = 0x18 | 3, kData3 = 0x20 | 3,
                              kCode64Selector = 0x28, kUser64 = 0x30 | 3, kTssSelector = 0x40,
                              kConforming = 0x50, kNotPresent = 0x58, kSpare = 0x60;

    explicit TestCpu(uint64_t ramBytes = 0x200000)
        : memory(ramBytes), state(std::make_unique<CpuState>()) {
        resetCpu(*state, CpuReset::PowerOn);
        mmu = std::make_unique<SoftMmu>(*state, memory.view(), memory, 40);
        native = NativeUnit::create().value();
        interpreter = std::make_unique<Interpreter>(*state, *mmu, memory, platform, *native);
    }

    // Real mode at 0:8000 with a stack below 0:7000 and handlers that are HLTs at F000h + vector.
    void realMode() {
        for (unsigned segment = 0; segment < 6; ++segment) {
            state->segment[segment].selector = 0;
            state->segment[segment].base = 0;
        }
        state->rip = kCode;
        state->gpr[kRsp] = 0x7000;
        for (uint32_t vector = 0; vector < 256; ++vector)
            memory.store<uint32_t>(vector * 4, 0xF000 + vector);
        updateModeKey(*state);
    }

    static uint64_t descriptor(uint32_t base, uint32_t limit20, uint16_t attributes) {
        return (limit20 & 0xFFFF) | (uint64_t{base & 0xFFFFFF} << 16) |
               (uint64_t(attributes & 0xFF) << 40) | (uint64_t{(limit20 >> 16) & 0xF} << 48) |
               (uint64_t((attributes >> 12) & 0xF) << 52) | (uint64_t{base >> 24} << 56);
    }
    void setDescriptor(uint16_t selector, uint64_t value) {
        memory.store<uint64_t>(kGdt + (selector & 0xFFF8), value);
    }
    void setGate32(uint8_t vector, uint16_t selector, uint32_t offset, uint16_t attributes) {
        memory.store<uint64_t>(kIdt + vector * 8, (offset & 0xFFFF) | (uint64_t{selector} << 16) |
                                                      (uint64_t(attributes & 0xFF) << 40) |
                                                      (uint64_t{offset >> 16} << 48));
    }
    void setGate64(uint8_t vector, uint16_t selector, uint64_t offset, uint16_t attributes,
                   unsigned ist) {
        memory.store<uint64_t>(kIdt + vector * 16, (offset & 0xFFFF) | (uint64_t{selector} << 16) |
                                                       (uint64_t{ist} << 32) |
                                                       (uint64_t(attributes & 0xFF) << 40) |
                                                       (((offset >> 16) & 0xFFFF) << 48));
        memory.store<uint64_t>(kIdt + vector * 16 + 8, offset >> 32);
    }

    void tables() {
        setDescriptor(kCode0, descriptor(0, 0xFFFFF, 0xC09A));
        setDescriptor(kData0, descriptor(0, 0xFFFFF, 0xC092));
        setDescriptor(kCode3, descriptor(0, 0xFFFFF, 0xC0FA));
        setDescriptor(kData3, descriptor(0, 0xFFFFF, 0xC0F2));
        setDescriptor(kCode64Selector, descriptor(0, 0xFFFFF, 0xA09A));
        setDescriptor(kUser64, descriptor(0, 0xFFFFF, 0xA0FA));
        setDescriptor(kTssSelector, descriptor(kTss, 0x67 + 0x100, 0x008B));
        setDescriptor(kConforming, descriptor(0, 0xFFFFF, 0xC09E));
        setDescriptor(kNotPresent, descriptor(0, 0xFFFFF, 0xC012));
        state->gdtr = {.base = kGdt, .limit = 0xFFF};
        state->idtr = {.base = kIdt, .limit = 0xFFF};
        state->tr = {.base = kTss, .limit = 0x167, .selector = kTssSelector, .attributes = 0x8B};
        state->ldtr = {};
    }
    static SegmentRegister flat(uint16_t selector, uint16_t attributes) {
        return {.base = 0, .limit = 0xFFFFFFFF, .selector = selector, .attributes = attributes};
    }
    // 32-bit protected mode without paging at `level` 0 or 3, interrupt gates (DPL 0) to
    // kHandlers + vector * 16, ESP0 at kStack0.
    void protected32(unsigned level = 0) {
        tables();
        state->cr0 = kCr0Pe | kCr0Et;
        const bool user = level == 3;
        state->segment[kCs] = flat(user ? kCode3 : kCode0, user ? 0xC0FB : 0xC09B);
        for (const unsigned segment : {kEs, kSs, kDs, kFs, kGs})
            state->segment[segment] = flat(user ? kData3 : kData0, user ? 0xC0F3 : 0xC093);
        for (unsigned vector = 0; vector < 256; ++vector)
            setGate32(static_cast<uint8_t>(vector), kCode0,
                      static_cast<uint32_t>(kHandlers + vector * 16), 0x8E);
        memory.store<uint32_t>(kTss + 4, kStack0);
        memory.store<uint16_t>(kTss + 8, kData0);
        memory.store<uint16_t>(kTss + 102, 104);
        state->rip = kCode;
        state->gpr[kRsp] = user ? kStack3 : kStack0;
        updateModeKey(*state);
    }
    // 64-bit mode, everything identity-mapped for all with 2 MiB pages.
    void longMode(unsigned level = 0) {
        tables();
        memory.store<uint64_t>(kTables, (kTables + 0x1000) | 7);
        memory.store<uint64_t>(kTables + 0x1000, (kTables + 0x2000) | 7);
        for (uint64_t i = 0; i < 4; ++i)
            memory.store<uint64_t>(kTables + 0x2000 + i * 8, (i << 21) | 0x87);
        state->cr0 = kCr0Pe | kCr0Pg | kCr0Et | kCr0Ne | kCr0Wp;
        state->cr4 = kCr4Pae | kCr4Osfxsr | kCr4Osxmmexcpt | kCr4Osxsave;
        state->cr3 = kTables;
        state->efer = kEferLme | kEferLma | kEferNxe | kEferSce;
        state->xcr0 = kXcr0X87 | kXcr0Sse | kXcr0Avx;
        const bool user = level == 3;
        state->segment[kCs] = flat(user ? kUser64 : kCode64Selector, user ? 0xA0FB : 0xA09B);
        for (const unsigned segment : {kEs, kSs, kDs, kFs, kGs})
            state->segment[segment] = flat(user ? kData3 : kData0, user ? 0xC0F3 : 0xC093);
        for (unsigned vector = 0; vector < 256; ++vector)
            setGate64(static_cast<uint8_t>(vector), kCode64Selector, kHandlers + vector * 16, 0x8E,
                      0);
        memory.store<uint64_t>(kTss + 4, kStack0);
        memory.store<uint64_t>(kTss + 36, kIst1);
        memory.store<uint16_t>(kTss + 102, 104);
        state->rip = kCode;
        state->gpr[kRsp] = user ? kStack3 : kStack0;
        updateModeKey(*state);
    }

    void code(const std::vector<uint8_t>& bytes, GuestAddress address = kCode) {
        memory.put(address, bytes);
    }
    StepResult run(const std::vector<uint8_t>& bytes) {
        code(bytes, state->rip + (state->cr0 & kCr0Pe ? 0 : state->segment[kCs].base));
        return interpreter->step();
    }
    StepResult step(unsigned count = 1) {
        StepResult result = StepResult::Executed;
        while (count-- > 0)
            result = interpreter->step();
        return result;
    }
    // After a fault in protected or long mode: its vector by the handler's address, -1 for none.
    int vector() const {
        const uint64_t offset = state->rip - kHandlers;
        return offset < 0x1000 ? static_cast<int>(offset / 16) : -1;
    }
    uint64_t& reg(unsigned number) { return state->gpr[number]; }

    FlatMemory memory;
    FakePlatform platform;
    std::unique_ptr<CpuState> state;
    std::unique_ptr<SoftMmu> mmu;
    std::unique_ptr<NativeUnit> native;
    std::unique_ptr<Interpreter> interpreter;
};

} // namespace vivarium::softcpu::test
