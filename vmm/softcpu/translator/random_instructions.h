#pragma once

#include "vmm/softcpu/interpreter/wide_vectors.h"
#include "vmm/softcpu/translator/guest_instruction.h"
#include "vmm/softcpu/translator/test_machine.h"

#include <algorithm>
#include <random>
#include <vector>

namespace vivarium::softcpu::test {

// Random instructions that the translator handles itself, other than branches, with operands that
// often lie in TestMachine's window; and random registers to go with them.
class RandomInstructions {
public:
    explicit RandomInstructions(uint64_t seed) : m_random(seed) {}

    // Besides what the translator handles itself: what a user program may do anywhere, or what
    // changes the flags that are kept beside the arithmetic ones where nothing forbids it.
    // Or those with EVEX prefixes and opmasks, which the interpreter executes.
    enum class Scope { UserMode, Privileged, Avx512 };

    // At `rip`, for the mode.
    std::vector<uint8_t> next(uint64_t rip, uint32_t modeKey, Scope scope) {
        for (;;) {
            const bool bits64 = (modeKey & mode::kCodeSize) == mode::kCode64;
            std::vector<uint8_t> bytes = scope == Scope::Avx512 ? wideEncoding() : encoding(bits64);
            GuestInstruction instruction;
            if (fetchInstruction(bytes, rip, modeKey, instruction) != FetchStatus::Ok)
                continue;
            if (!wanted(instruction, scope))
                continue;
            // The host's thread keeps data of its own behind FS.
            if (instruction.info.attributes &
                (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS))
                continue;
            bytes.resize(instruction.info.length);
            aim(bytes, instruction);
            if (scope == Scope::Avx512)
                setIgnoredBit(bytes, instruction);
            return bytes;
        }
    }

    uint64_t below(uint64_t limit) { return m_random() % limit; }

    // Bytes that are shaped like an instruction.
    std::vector<uint8_t> anyEncoding(bool bits64) { return encoding(bits64); }

    void registers(CpuState& state) {
        for (uint64_t& value : state.gpr)
            value = registerValue();
        if (below(4) != 0)
            state.gpr[kRsp] = TestMachine::kData + 0x800 + below(0x1000);
        state.rflags = kFlagFixed | (m_random() & kArithmeticFlags) | (below(4) ? 0 : kFlagDf);
    }

    void simd(CpuState& state) {
        std::fill(std::begin(state.xsave), std::end(state.xsave), 0);
        for (unsigned i = 32; i < 416; ++i)
            state.xsave[i] = static_cast<uint8_t>(m_random());
        for (unsigned i = 0; i < 8; ++i) // of an 80-bit register's 16 bytes the last 6 are void
            std::fill_n(state.xsave + 32 + i * 16 + 10, 6, uint8_t{0});
        for (unsigned i = 0; i < 256; ++i)
            state.xsave[576 + i] = static_cast<uint8_t>(m_random());
        state.xsave[0] = 0x7F; // FCW: all exceptions masked
        state.xsave[1] = 0x03;
        state.xsave[4] = below(2) ? 0xFF : 0; // FTW
        state.xsave[24] = 0x80;               // MXCSR
        state.xsave[25] = 0x1F;
        state.xsave[512] = 7; // XSTATE_BV
    }

    // After simd(): vectors, some of them indices into the window, and opmasks; and general
    // registers that point at its end, behind which nothing is mapped.
    void wideState(CpuState& state) {
        for (unsigned number = 0; number < 32; ++number) {
            WideVector value;
            for (uint8_t& byte : value.bytes)
                byte = static_cast<uint8_t>(m_random());
            const uint64_t kind = below(8);
            if (kind < 3)
                for (unsigned i = 0; i < 16; ++i)
                    if (kind != 2 || below(16) != 0)
                        storeLe<uint32_t>(value.bytes + i * 4, static_cast<uint32_t>(below(0x200)));
            if (kind == 1)
                for (unsigned i = 1; i < 16; i += 2)
                    storeLe<uint32_t>(value.bytes + i * 4, 0);
            if (kind == 3) // numbers: small integers as single precision
                for (unsigned i = 0; i < 16; ++i) {
                    const auto number32 = static_cast<float>(static_cast<int8_t>(m_random()));
                    std::memcpy(value.bytes + i * 4, &number32, 4);
                }
            setWideVector(state, number, value);
        }
        for (unsigned number = 0; number < 8; ++number) {
            uint64_t mask = m_random();
            switch (below(5)) {
            case 0:
                mask &= m_random() & m_random();
                break;
            case 1:
                mask = below(2) ? ~uint64_t{0} : 0;
                break;
            case 2:
                mask &= below(2) ? 0x3 : 0xFF;
                break;
            default:
                break;
            }
            setOpmask(state, number, mask);
        }
        for (uint64_t& value : state.gpr)
            if (below(3) == 0)
                value = TestMachine::kData + 0x3000 - below(0x60);
        for (unsigned number = 5; number <= 7; ++number) { // sometimes as after a reset
            const XsaveComponent& component = xsaveComponent(number);
            if (component.sizeBytes == 0 || below(16) != 0)
                continue;
            std::fill_n(state.xsave + component.offset, component.sizeBytes, uint8_t{0});
            state.xsave[512] &= static_cast<uint8_t>(~(1u << number));
        }
    }

private:
    static constexpr ZydisInstructionAttributes kRepeats =
        ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
    // Sets that guests never have.
    static bool neverOffered(ZydisISASet set) {
        return set == ZYDIS_ISA_SET_AVX512ER_512 || set == ZYDIS_ISA_SET_AVX512ER_SCALAR ||
               (set >= ZYDIS_ISA_SET_AVX512PF_512 && set <= ZYDIS_ISA_SET_AVX512_BF16_512) ||
               (set >= ZYDIS_ISA_SET_AVX512_FP16_128 && set <= ZYDIS_ISA_SET_AVX512_FP16_SCALAR) ||
               (set >= ZYDIS_ISA_SET_AVX512_VP2INTERSECT_128 &&
                set <= ZYDIS_ISA_SET_AVX512_VP2INTERSECT_512);
    }

    static bool wantedWide(const GuestInstruction& instruction) {
        const ZydisDecodedInstruction& info = instruction.info;
        if (neverOffered(info.meta.isa_set))
            return false;
        if (info.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX)
            return true;
        for (unsigned i = 0; i < info.operand_count_visible; ++i)
            if (instruction.operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                ZydisRegisterGetClass(instruction.operands[i].reg.value) == ZYDIS_REGCLASS_MASK)
                return true;
        return false;
    }

    static bool wanted(const GuestInstruction& instruction, Scope scope) {
        if (scope == Scope::Avx512)
            return wantedWide(instruction);
        const ZydisDecodedInstruction& info = instruction.info;
        switch (treatmentOf(instruction)) {
        case Treatment::Copy:
        case Treatment::Lea:
        case Treatment::Push:
        case Treatment::Pop:
        case Treatment::Leave:
        case Treatment::BitString:
            return true;
        case Treatment::StoredFlag:
            return scope == Scope::Privileged || info.mnemonic == ZYDIS_MNEMONIC_CLD ||
                   info.mnemonic == ZYDIS_MNEMONIC_STD;
        case Treatment::PushFlags:
        case Treatment::PopFlags:
            return scope == Scope::Privileged;
        case Treatment::Interpret:
            // Without paging a repeated one goes on for four billion elements.
            if (info.meta.category == ZYDIS_CATEGORY_STRINGOP)
                return scope == Scope::UserMode || !(info.attributes & kRepeats);
            return info.mnemonic == ZYDIS_MNEMONIC_XLAT ||
                   info.mnemonic == ZYDIS_MNEMONIC_FNSTENV ||
                   info.mnemonic == ZYDIS_MNEMONIC_FLDENV ||
                   info.mnemonic == ZYDIS_MNEMONIC_FNSAVE ||
                   info.mnemonic == ZYDIS_MNEMONIC_FRSTOR || info.mnemonic == ZYDIS_MNEMONIC_FWAIT;
        default:
            return false;
        }
    }

    // EVEX.X says nothing about a general register in ModRM.rm, but Bochs minds.
    static void setIgnoredBit(std::vector<uint8_t>& bytes, const GuestInstruction& instruction) {
        if (instruction.info.encoding != ZYDIS_INSTRUCTION_ENCODING_EVEX)
            return;
        for (unsigned i = 0; i < instruction.info.operand_count_visible; ++i) {
            const ZydisDecodedOperand& operand = instruction.operands[i];
            if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && isGpr(operand.reg.value) &&
                operand.encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
                bytes[instruction.info.raw.evex.offset + 1] |= 0x40;
        }
    }

    uint64_t registerValue() {
        switch (below(10)) {
        case 0:
        case 1:
            return below(256);
        case 2:
            return m_random();
        case 3:
            return static_cast<uint64_t>(static_cast<int32_t>(m_random()));
        default:
            return TestMachine::kData + 0x400 + below(0x1800);
        }
    }

    // Of 64-bit code.
    std::vector<uint8_t> wideEncoding() {
        auto random = [&] { return static_cast<uint8_t>(m_random()); };
        std::vector<uint8_t> bytes;
        if (below(8) == 0) { // on opmasks: VEX
            bytes = {0xC4, static_cast<uint8_t>((random() & 0xE0) | (below(4) ? 1 : 3)),
                     static_cast<uint8_t>(random() | (below(2) ? 0x78 : 0)), random()};
        } else {
            const auto map = static_cast<uint8_t>(1 + below(3));
            uint8_t opcode = random();
            if (map == 2 && below(6) == 0)
                opcode = static_cast<uint8_t>((below(2) ? 0x90 : 0xA0) + below(4));
            // Most have one source, for which vvvv and V' are set.
            const bool oneSource = below(2) != 0;
            bytes = {
                0x62, static_cast<uint8_t>((random() & 0xF0) | map),
                static_cast<uint8_t>((random() & 0x83) | 4 | (oneSource ? 0x78 : random() & 0x78)),
                static_cast<uint8_t>((random() & (below(2) ? 0x7F : 0xFF)) |
                                     (oneSource ? 0x08 : 0)),
                opcode};
        }
        for (unsigned i = 0; i < 12; ++i)
            bytes.push_back(random());
        return bytes;
    }

    std::vector<uint8_t> encoding(bool bits64) {
        std::vector<uint8_t> bytes;
        auto random = [&] { return static_cast<uint8_t>(m_random()); };
        if (below(6) == 0) { // VEX
            if (below(2)) {
                bytes = {0xC5, random()};
            } else {
                bytes = {0xC4, static_cast<uint8_t>((random() & 0xE0) | (1 + below(3))),
                         static_cast<uint8_t>(random() | (below(3) ? 0x78 : 0))};
            }
            if (!bits64)
                bytes[1] |= 0xC0;
        } else {
            if (below(5) == 0)
                bytes.push_back(0x66);
            if (below(12) == 0)
                bytes.push_back(below(2) ? 0xF2 : 0xF3);
            if (below(25) == 0)
                bytes.push_back(0xF0);
            if (below(30) == 0)
                bytes.push_back(0x67);
            if (bits64 && below(2))
                bytes.push_back(static_cast<uint8_t>(0x40 | below(16)));
            uint64_t map = below(10);
            if (map >= 5)
                bytes.push_back(0x0F);
            if (map == 9)
                bytes.push_back(below(2) ? 0x38 : 0x3A);
        }
        for (unsigned i = 0; i < 12; ++i)
            bytes.push_back(random());
        return bytes;
    }

    // Makes wide displacements such that the address has a chance to be mapped.
    void aim(std::vector<uint8_t>& bytes, const GuestInstruction& instruction) {
        const auto& raw = instruction.info.raw;
        const ZydisDecodedOperand* memory = instruction.memory();
        if (!memory)
            return;
        if (raw.disp.size == 8 && instruction.info.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX)
            bytes[raw.disp.offset] = static_cast<uint8_t>(below(6) - 3);
        if (raw.disp.size < 16)
            return;
        int64_t displacement = static_cast<int64_t>(below(0x100)) - 0x80;
        bool based = memory->mem.base != ZYDIS_REGISTER_NONE;
        uint64_t place = TestMachine::kData + 0x400 + below(0x1800);
        if (memory->mem.base == ZYDIS_REGISTER_RIP || memory->mem.base == ZYDIS_REGISTER_EIP)
            displacement = static_cast<int64_t>(place - (instruction.rip + bytes.size()));
        else if (!based)
            displacement = static_cast<int64_t>(place);
        for (unsigned i = 0; i < raw.disp.size / 8u; ++i)
            bytes[raw.disp.offset + i] = static_cast<uint8_t>(displacement >> (8 * i));
    }

    std::mt19937_64 m_random;
};

} // namespace vivarium::softcpu::test
