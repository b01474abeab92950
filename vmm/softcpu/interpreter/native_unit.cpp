#include "vmm/softcpu/interpreter/native_unit.h"

#include "vmm/base/bytes.h"
#include "vmm/base/unique_fd.h"
#include "vmm/softcpu/interpreter/xsave_area.h"

#include <Zydis/Zydis.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <initializer_list>

namespace vivarium::softcpu {
namespace {

// The page: entry code, exit code, then slots of one instruction and a jump to the exit.
constexpr size_t kCodeBytes = 65536, kSlotsOffset = 1024, kSlotBytes = 32;
constexpr size_t kSlots = (kCodeBytes - kSlotsOffset) / kSlotBytes;

// VEX.W and EVEX.W make general registers, or integers in memory, 64 bits wide: in 64-bit mode only
// (Intel SDM 2A, 2.3.5.5).
bool widensGeneralRegisters(uint16_t mnemonic) {
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_VCVTSI2SD:
    case ZYDIS_MNEMONIC_VCVTSI2SS:
    case ZYDIS_MNEMONIC_VCVTSD2SI:
    case ZYDIS_MNEMONIC_VCVTSS2SI:
    case ZYDIS_MNEMONIC_VCVTTSD2SI:
    case ZYDIS_MNEMONIC_VCVTTSS2SI:
    case ZYDIS_MNEMONIC_VCVTUSI2SD:
    case ZYDIS_MNEMONIC_VCVTUSI2SS:
    case ZYDIS_MNEMONIC_VCVTSD2USI:
    case ZYDIS_MNEMONIC_VCVTSS2USI:
    case ZYDIS_MNEMONIC_VCVTTSD2USI:
    case ZYDIS_MNEMONIC_VCVTTSS2USI:
    case ZYDIS_MNEMONIC_VMOVD:
    case ZYDIS_MNEMONIC_VPEXTRD:
    case ZYDIS_MNEMONIC_VPINSRD:
    case ZYDIS_MNEMONIC_VPBROADCASTD:
        return true;
    default:
        return false;
    }
}

thread_local NativeUnit* t_running = nullptr;

class CodeWriter {
public:
    explicit CodeWriter(uint8_t* at) : m_at(at), m_start(at) {}
    void bytes(std::initializer_list<uint8_t> values) {
        for (const uint8_t value : values)
            *m_at++ = value;
    }
    // OP reg, [base + offset] with a 32-bit displacement; `base` is RAX or RDI.
    void access(uint8_t opcode, unsigned reg, unsigned base, size_t offset) {
        bytes({static_cast<uint8_t>(0x48 | (reg >> 3) << 2), opcode,
               static_cast<uint8_t>(0x80 | (reg & 7) << 3 | base)});
        storeLe<uint32_t>(m_at, static_cast<uint32_t>(offset));
        m_at += 4;
    }
    size_t size() const { return static_cast<size_t>(m_at - m_start); }

private:
    uint8_t* m_at;
    uint8_t* m_start;
};

} // namespace

Result<std::unique_ptr<NativeUnit>> NativeUnit::create() {
    auto units = TRY(createMany(1));
    return std::move(units.front());
}

Result<std::vector<std::unique_ptr<NativeUnit>>> NativeUnit::createMany(unsigned count) {
    if (hostXsaveComponents() == 0)
        return fail(ErrorCode::Unsupported, "the host CPU has no XSAVE");
    const size_t bytes = count * kCodeBytes;
    const UniqueFd file(memfd_create("vivarium-native", MFD_CLOEXEC));
    if (file.get() < 0 || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
        return systemError(errno, "create code memory");
    void* writable = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (writable == MAP_FAILED)
        return systemError(errno, "map code memory");
    void* executable = mmap(nullptr, bytes, PROT_READ | PROT_EXEC, MAP_SHARED, file.get(), 0);
    if (executable == MAP_FAILED) {
        const Error error = systemError(errno, "map executable memory");
        munmap(writable, bytes);
        return error;
    }
    std::vector<std::unique_ptr<NativeUnit>> units;
    for (size_t offset = 0; offset < bytes; offset += kCodeBytes) // each unmaps its own part
        units.push_back(std::unique_ptr<NativeUnit>(new NativeUnit(
            static_cast<uint8_t*>(writable) + offset, static_cast<uint8_t*>(executable) + offset)));
    return units;
}

NativeUnit::NativeUnit(uint8_t* writable, uint8_t* executable)
    : m_writable(writable), m_executable(executable), m_stateMask(hostXsaveComponents()),
      m_avx(m_stateMask & kXcr0Avx) {
    std::memset(m_operand, 0, sizeof m_operand);
    emitEntryAndExit();
}

NativeUnit::~NativeUnit() {
    munmap(m_writable, kCodeBytes);
    munmap(m_executable, kCodeBytes);
}

// void entry(Frame* rdi, uint8_t* xsave rsi). The host's stack pointer never changes hands, so a
// signal finds a stack.
void NativeUnit::emitEntryAndExit() {
    CodeWriter code(m_writable);
    const auto slot = [](unsigned reg) { return offsetof(Frame, gpr) + reg * 8; };
    code.bytes(
        {0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57}); // push rbx rbp r12-r15
    code.bytes({0x56, 0x57});                                          // push rsi; push rdi
    code.access(0x8B, kRax, kRdi, offsetof(Frame, entry));
    code.bytes({0x50});       // push rax: the slot
    code.bytes({0x8B, 0x87}); // mov eax, [rdi + mask]
    code.bytes({static_cast<uint8_t>(offsetof(Frame, stateMask)), 0, 0, 0});
    code.bytes({0x31, 0xD2, 0x48, 0x0F, 0xAE, 0x2E});    // xor edx,edx; xrstor64 [rsi]
    code.access(0xFF, 6, kRdi, offsetof(Frame, rflags)); // push [rflags]
    code.bytes({0x9D});                                  // popfq
    for (const unsigned reg : {0u, 1u, 2u, 3u, 5u, 6u, 8u, 9u, 10u, 11u, 12u, 13u, 14u, 15u})
        code.access(0x8B, reg, kRdi, slot(reg));
    code.access(0x8B, kRdi, kRdi, slot(kRdi));
    code.bytes({0xFF, 0x24, 0x24}); // jmp [rsp]

    m_exitOffset = static_cast<uint32_t>(code.size());
    code.bytes({0x50, 0x9C});                   // push rax; pushfq
    code.bytes({0x48, 0x8B, 0x44, 0x24, 0x18}); // mov rax, [rsp + 24]: the frame
    for (const unsigned reg : {1u, 2u, 3u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 12u, 13u, 14u, 15u})
        code.access(0x89, reg, kRax, slot(reg));
    code.bytes({0x59}); // pop rcx
    code.access(0x89, kRcx, kRax, offsetof(Frame, rflags));
    code.bytes({0x59}); // pop rcx
    code.access(0x89, kRcx, kRax, slot(kRax));
    code.bytes({0x59, 0x5F, 0x5E}); // pop rcx; pop rdi; pop rsi
    code.bytes({0xFC});             // cld
    code.bytes({0x8B, 0x87});       // mov eax, [rdi + mask]
    code.bytes({static_cast<uint8_t>(offsetof(Frame, stateMask)), 0, 0, 0});
    code.bytes({0x31, 0xD2, 0x48, 0x0F, 0xAE, 0x26}); // xor edx,edx; xsave64 [rsi]
    code.bytes({0xDB, 0xE3});                         // fninit
    code.bytes({0x0F, 0xAE, 0x97});                   // ldmxcsr [rdi + hostMxcsr]
    code.bytes({static_cast<uint8_t>(offsetof(Frame, hostMxcsr)), 0, 0, 0});
    if (m_avx)
        code.bytes({0xC5, 0xF8, 0x77}); // vzeroupper
    code.bytes({0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5D, 0x5B, 0xC3});
}

// The instruction with its memory operand at [base], without segment and address-size prefixes,
// with the operand size that it has in its own mode, and without RSP as a register.
NativeUnit::Rewritten NativeUnit::rewrite(const Instruction& from) {
    Rewritten to;
    uint8_t candidates[3] = {kRsi, kRbx, kRdi};
    const auto takeFree = [&]() -> uint8_t {
        for (uint8_t& candidate : candidates) {
            bool used = candidate == kNoRegister;
            for (unsigned i = 0; i < from.operandCount; ++i)
                used = used || (from.operand[i].kind == OperandKind::Gpr &&
                                from.operand[i].reg == candidate);
            if (!used) {
                const uint8_t taken = candidate;
                candidate = kNoRegister;
                return taken;
            }
        }
        return kRsi;
    };
    const bool memory = from.memoryIndex < Instruction::kMaxOperands;
    if (memory)
        to.operandBase = takeFree();
    const auto emit = [&to](uint8_t byte) {
        if (to.length < sizeof to.bytes)
            to.bytes[to.length++] = byte;
    };

    // FNSTENV and its kin have a 16-bit and a 32-bit layout; 66h chooses in 64-bit mode.
    const bool x87 = from.encoding == Encoding::Legacy && from.opcode >= 0xD8 &&
                     from.opcode <= 0xDF && from.opcodeMap == 0;
    if (x87 && from.operandBytes == 2)
        emit(0x66);
    unsigned position = 0;
    for (; position < from.prefixCount; ++position) {
        const uint8_t prefix = from.bytes[position];
        const bool rex = from.codeSize == mode::kCode64 && (prefix & 0xF0) == 0x40;
        if (rex)
            emit(memory ? static_cast<uint8_t>(prefix & ~3) : prefix); // no X, no B
        else if (prefix == 0xF2 || prefix == 0xF3 || (prefix == 0x66 && !x87))
            emit(prefix);
    }
    const unsigned end = from.hasModrm ? from.modrmOffset : from.length;
    const unsigned opcodeStart = position;
    for (; position < end; ++position) {
        uint8_t byte = from.bytes[position];
        const unsigned offset = position - opcodeStart;
        // VEX and EVEX store X, B and vvvv inverted. Outside 64-bit mode the top bits are ignored.
        const bool threeBytes = from.encoding == Encoding::Vex && from.bytes[opcodeStart] == 0xC4;
        const bool twoBytes = from.encoding == Encoding::Vex && from.bytes[opcodeStart] == 0xC5;
        const bool evex = from.encoding == Encoding::Evex;
        if ((threeBytes || evex) && offset == 1 && memory)
            byte |= 0x60;
        if (from.codeSize != mode::kCode64) {
            if (threeBytes && offset == 1)
                byte |= 0x20;
            if (evex && offset == 1)
                byte |= 0x30; // and R', V': registers above 7 are not there
            if (evex && offset == 3)
                byte |= 0x08;
            if (((threeBytes || evex) && offset == 2) || (twoBytes && offset == 1))
                byte |= 0x40;
            if ((threeBytes || evex) && offset == 2 && widensGeneralRegisters(from.mnemonic))
                byte &= 0x7F;
        }
        emit(byte);
    }
    if (!from.hasModrm)
        return to;
    uint8_t modrm = from.modrm;
    if (memory)
        modrm = static_cast<uint8_t>((modrm & 0x38) | to.operandBase);
    for (unsigned i = 0; i < from.operandCount; ++i) {
        const Operand& operand = from.operand[i];
        if (operand.kind != OperandKind::Gpr || operand.reg != kRsp)
            continue;
        to.stackStandIn = takeFree();
        if (operand.inRm)
            modrm = static_cast<uint8_t>((modrm & 0xF8) | to.stackStandIn);
        else
            modrm = static_cast<uint8_t>((modrm & 0xC7) | to.stackStandIn << 3);
    }
    emit(modrm);
    for (unsigned i = from.length - from.immediateBytes; i < from.length; ++i)
        emit(from.bytes[i]);
    return to;
}

// The slot that holds the instruction, written unless it is there already.
uint8_t* NativeUnit::prepare(const Rewritten& code) {
    uint64_t hash = code.length;
    for (unsigned i = 0; i < code.length; ++i)
        hash = (hash ^ code.bytes[i]) * 0x100000001B3;
    const size_t offset = kSlotsOffset + (hash >> 20) % kSlots * kSlotBytes;
    uint8_t slot[kSlotBytes] = {};
    std::memcpy(slot, code.bytes, code.length);
    slot[code.length] = 0xE9;
    storeLe<uint32_t>(slot + code.length + 1,
                      m_exitOffset - static_cast<uint32_t>(offset + code.length + 5));
    if (std::memcmp(m_writable + offset, slot, kSlotBytes) != 0) {
        std::memcpy(m_writable + offset, slot, kSlotBytes);
        // Written through another address: serialise before it is executed (Intel SDM 3A, 9.1.3).
        unsigned a = 0, b, c = 0, d;
        asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
    }
    return m_executable + offset;
}

const void* NativeUnit::afterUndefined(const void* address) {
    NativeUnit* unit = t_running;
    const auto* at = static_cast<const uint8_t*>(address);
    if (!unit || at < unit->m_executable + kSlotsOffset || at >= unit->m_executable + kCodeBytes)
        return nullptr;
    unit->m_undefined = true;
    return unit->m_executable + unit->m_exitOffset;
}

bool NativeUnit::run(CpuState& state, const Instruction& instruction) {
    const Rewritten code = rewrite(instruction);
    m_frame.entry = reinterpret_cast<uint64_t>(prepare(code));
    std::memcpy(m_frame.gpr, state.gpr, sizeof m_frame.gpr);
    if (code.operandBase != kNoRegister)
        m_frame.gpr[code.operandBase] = reinterpret_cast<uint64_t>(m_operand);
    if (code.stackStandIn != kNoRegister)
        m_frame.gpr[code.stackStandIn] = state.gpr[kRsp];
    m_frame.rflags = (state.rflags & kArithmeticFlags) | kFlagFixed | kFlagIf;
    m_frame.stateMask = static_cast<uint32_t>(m_stateMask);
    asm volatile("stmxcsr %0" : "=m"(m_frame.hostMxcsr));

    // Whatever a saved state held: XRSTOR must not fault.
    uint8_t* header = state.xsave + 512;
    storeLe<uint64_t>(header, loadLe<uint64_t>(header) & m_stateMask);
    std::memset(header + 8, 0, 56);
    storeLe<uint32_t>(state.xsave + 24, loadLe<uint32_t>(state.xsave + 24) & 0xFFFF);

    using Entry = void (*)(Frame*, uint8_t*);
    m_undefined = false;
    t_running = this;
    reinterpret_cast<Entry>(reinterpret_cast<uintptr_t>(m_executable))(&m_frame, state.xsave);
    t_running = nullptr;

    const uint64_t standIn =
        code.stackStandIn == kNoRegister ? state.gpr[kRsp] : m_frame.gpr[code.stackStandIn];
    for (unsigned reg = 0; reg < 16; ++reg)
        if (reg != kRsp && reg != code.operandBase && reg != code.stackStandIn)
            state.gpr[reg] = m_frame.gpr[reg];
    state.gpr[kRsp] = standIn;
    state.rflags = (state.rflags & ~kArithmeticFlags) | (m_frame.rflags & kArithmeticFlags);
    return !m_undefined;
}

} // namespace vivarium::softcpu
