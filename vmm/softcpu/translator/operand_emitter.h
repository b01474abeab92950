#pragma once

#include "vmm/softcpu/translator/guest_instruction.h"
#include "vmm/softcpu/translator/register_map.h"
#include "vmm/softcpu/translator/thunks.h"

#include <optional>
#include <vector>

namespace vivarium::softcpu {

// Emits what instructions have in common: effective addresses, segment checks, the inline software
// TLB, and the exits that do not return. Short jumps lead to cold code that finish() puts behind
// the block. Nothing here changes the guest's flags.
class OperandEmitter {
public:
    OperandEmitter(Emitter& code, TranslatorData& data, const Thunks& thunks, uint32_t modeKey)
        : m_code(code), m_data(data), m_thunks(thunks), m_modeKey(modeKey) {}

    // The home of a guest register, or `scratch` loaded with it (all 64 bits).
    HostRegister registerOrLoad(unsigned guest, HostRegister scratch);
    // Puts `from` into a guest register as an instruction with that operand size does.
    void writeGpr(unsigned guest, HostRegister from, unsigned sizeBytes);

    // kAddress = effective address, cut to the address size. Uses kAddend.
    void effectiveAddress(const GuestInstruction& instruction, const ZydisDecodedOperand& operand);
    // kAddress = linear address of the effective address in kAddress, checked against the
    // segment's limit and rights unless the mode makes that needless. Uses kScratch, kAddend.
    // `segment` is a hardware number. false: only the interpreter can do this.
    bool segmentToLinear(unsigned segment, AccessKind kind, unsigned sizeBytes, uint64_t rip);
    // Whether page faults of the accesses that follow are exact without the interpreter.
    enum class Faults { Exact, Interpret };
    void setFaults(Faults faults) { m_faults = faults; }
    // kAddress + kAddend = host address of `sizeBytes` at the linear address in kAddress.
    void hostAddress(AccessKind kind, unsigned sizeBytes, uint64_t rip);
    // All three for an explicit operand.
    bool memoryOperand(const GuestInstruction& instruction, const ZydisDecodedOperand& operand,
                       AccessKind kind);

    // kAddress = linear address of [stack pointer + displacement], ready for hostAddress() after
    // segmentToLinear(kSs).
    void stackAddress(int32_t displacement);
    // Adds to the stack pointer, in its width.
    void moveStackPointer(int32_t bytes);
    unsigned stackBytes() const; // width of the stack pointer: 2, 4, 8

    // Leaves the block; what follows is not reached.
    void exit(CodeExit reason, uint64_t rip, uint32_t argument = 0);
    void exitWithRipInAddress(CodeExit reason);
    // Tests that nearly always go on. The code goes on when RCX is hit(), which is to be added to
    // what is zero on a hit, else jumps to what is bound later. RCX is lost.
    int32_t hit() const { return m_data.missTest == MissTest::Loop ? 1 : 0; }
    JumpSite jumpUnlessHit();
    JumpSite jumpUnlessRcxZero();
    // Leaves for the interpreter at `rip` unless RCX is zero.
    void interpretUnlessRcxZero(uint64_t rip);
    // Leaves with Attention at `rip` when the attention word is set.
    void attentionCheck(uint64_t rip);
    void ensureSimd();
    // Lets a jump lead to cold code that exits.
    void coldExit(JumpSite from, CodeExit reason, uint64_t rip, uint32_t argument);

    void finish(); // emits the cold code

    // Where an instruction's code begins, to take it back.
    struct Mark {
        size_t offset;
        size_t fills;
        size_t exits;
        bool simdLoad;
    };
    Mark mark() const {
        return {m_code.offset(), m_fills.size(), m_exits.size(), m_simdLoad.has_value()};
    }
    void takeBack(const Mark& mark);

    Emitter& code() { return m_code; }
    TranslatorData& data() { return m_data; }
    uint32_t modeKey() const { return m_modeKey; }
    uint32_t codeSize() const { return m_modeKey & mode::kCodeSize; }
    bool bits64() const { return codeSize() == mode::kCode64; }

private:
    struct ColdFill {
        JumpSite from;
        size_t retryOffset;
        uint64_t rip;
        uint32_t argument;
    };
    struct ColdLoad {
        JumpSite from;
        size_t backOffset;
    };
    struct ColdExit {
        JumpSite from;
        CodeExit reason;
        uint64_t rip;
        uint32_t argument;
    };

    Emitter& m_code;
    TranslatorData& m_data;
    const Thunks& m_thunks;
    uint32_t m_modeKey;
    Faults m_faults = Faults::Exact;
    std::vector<ColdFill> m_fills;
    std::optional<ColdLoad> m_simdLoad;
    std::vector<ColdExit> m_exits;
};

} // namespace vivarium::softcpu
