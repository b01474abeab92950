#pragma once

#include "vmm/base/bytes.h"
#include "vmm/softcpu/translator/guarded_machine.h"
#include "vmm/softcpu/translator/random_instructions.h"

#include <string>

namespace vivarium::softcpu::test {

// A guest made of accidents: a mode, descriptor tables, page tables, registers and code pages that
// one number decides about. The same number gives the same guest.
class HostileGuest {
public:
    // Where things lie in RAM.
    static constexpr uint64_t kGdt = 0x1000, kLdt = 0x1800, kIdt = 0x2000, kTss = 0x3000,
                              kTasks = 0x4000, kTables = 0x5000, kTablesEnd = 0xC000,
                              kHandlers = 0xC000, kStack = 0xD000, kCode = 0x10000,
                              kCodeBytes = 0x4000, kData = 0x14000, kDataBytes = 0xC000;

    explicit HostileGuest(uint64_t seed);
    // The first code page begins with `code`.
    HostileGuest(uint64_t seed, ConstByteSpan code);

    // Puts the guest into `machine`, which forgets all that was in it.
    void load(GuardedMachine& machine) const;
    // The tables that paging uses are no longer as they were, but for accessed and dirty bits:
    // what a processor then does depends on what its TLB holds.
    bool tablesChanged(const GuardedMachine& machine) const;
    std::string modeName() const;

private:
    enum class Mode { Real, BigReal, Virtual8086, Protected16, Protected32, Compatibility, Long };
    enum class Paging { Off, Bits32, Pae, Long };
    static constexpr unsigned kModes = 7;

    uint64_t below(uint64_t limit) { return m_random.below(limit); }
    bool oneIn(uint64_t count) { return below(count) == 0; }
    template <class T>
    void store(uint64_t address, T value) {
        std::memcpy(m_ram.data() + address, &value, sizeof value);
    }
    bool longActive() const { return m_mode == Mode::Compatibility || m_mode == Mode::Long; }
    bool realLike() const { return m_mode <= Mode::Virtual8086; }

    void descriptorTables();
    uint64_t anyDescriptor();
    void gate(unsigned vector);
    void tasks();
    uint64_t pageTarget(uint64_t page);
    void pageTables();
    void controlRegisters();
    void segments();
    void generalRegisters();
    uint64_t registerValue();
    void codePages();
    void instructions(uint64_t start, uint64_t end);

    RandomInstructions m_random;
    Mode m_mode;
    Paging m_paging = Paging::Off;
    unsigned m_cpl = 0;
    std::vector<uint8_t> m_ram;
    std::unique_ptr<CpuState> m_state;
};

} // namespace vivarium::softcpu::test
