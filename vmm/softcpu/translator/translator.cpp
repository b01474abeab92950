#include "vmm/softcpu/translator/translator.h"

#include "vmm/softcpu/interpreter/xsave_area.h"
#include "vmm/softcpu/translator/flag_instructions.h"
#include "vmm/softcpu/translator/host_faults.h"
#include "vmm/softcpu/translator/host_thread.h"

#include <algorithm>
#include <cpuid.h>
#include <cstring>

#include <immintrin.h>

namespace vivarium::softcpu {

namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr size_t kMinCodeBytes = size_t{1} << 16;
// Operands of this size and more may have to be aligned.
constexpr unsigned kAlignedBytes = 16;

bool hostHasBmi2AndXsave() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI2);
}

// Agner Fog, Instruction tables: LOOP takes one operation on Zen, seven and more on Intel's cores.
MissTest quickMissTest() {
    static const bool amd = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        __get_cpuid(0, &a, &b, &c, &d);
        return b == signature_AMD_ebx && c == signature_AMD_ecx && d == signature_AMD_edx;
    }();
    return amd ? MissTest::Loop : MissTest::Jrcxz;
}

bool x87Unmasked(const CpuState& state) {
    constexpr uint8_t kMasks = 0x3F; // of FCW
    return (state.xsave[kFcw] & kMasks) != kMasks;
}

} // namespace

Result<std::unique_ptr<CodeCache>> Translator::reserveCache(Options options) {
    auto caches = TRY(reserveCaches(options, 1));
    return std::move(caches.front());
}

Result<std::vector<std::unique_ptr<CodeCache>>> Translator::reserveCaches(Options options,
                                                                          unsigned count) {
    if (!hostHasBmi2AndXsave())
        return fail(ErrorCode::Unsupported, "the host's processor lacks BMI2 or XSAVE");
    if (!HostThread::supported())
        return fail(ErrorCode::Unsupported, "the host does not let programs set the GS base");
    HostFaults::install();
    return CodeCache::create(sizeof(TranslatorData) + kJumpCacheBytes,
                             std::max(options.codeBytes, kMinCodeBytes), count);
}

Translator::Translator(CpuState& state, SoftMmu& mmu, Interpreter& interpreter,
                       CodeCoherence& coherence, std::unique_ptr<CodeCache> cache)
    : m_state(state), m_mmu(mmu), m_interpreter(interpreter), m_coherence(coherence),
      m_member(state), m_cache(std::move(cache)), m_data(*new (m_cache->data()) TranslatorData{}),
      m_thunks(emitThunks(*m_cache, m_data)), m_index(*m_cache),
      m_blockTranslator(*m_cache, m_data, m_thunks) {
    m_data.tlbIndexMask = (kTlbEntries - 1) * kPageBytes;
    m_data.highHalfMask = uint64_t{0xFFFFFFFF} << 32;
    m_data.jumpIndexMask = kJumpEntries - 1;
    m_data.canonicalMask = ~uint64_t{0} << 47;
    m_data.readAttributesMask = kReadAttributesMask;
    m_data.writeAttributesMask = kWriteAttributesMask;
    setFlagInstructionMasks(m_data);
    m_data.fillHelper = &Translator::fillHelper;
    m_data.owner = this;
    m_data.simdUnloaded = 1;
    m_data.simdMask = static_cast<uint32_t>(hostXsaveComponents());
    m_data.hostMxcsr = _mm_getcsr();
    m_data.missTest = quickMissTest();
    // Its memory is fresh, and empty but for this.
    m_data.jumpCache =
        reinterpret_cast<JumpEntry(*)[kJumpEntries]>(m_cache->data() + sizeof(TranslatorData));
    for (unsigned i = 0; i < kJumpContexts; ++i)
        m_data.jumpCache[i][kJumpEntries - 1] = emptyJump(kJumpEntries - 1);
    m_coherence.add(m_member);
    m_mmu.setCodeWriteListener(this);
}

Translator::~Translator() {
    m_mmu.setCodeWriteListener(nullptr);
    m_coherence.remove(m_member);
}

ExecutorExit Translator::run() {
    HostThread::Scope thread(*this, &m_state);
    m_coherence.enter(m_member);
    serve(m_coherence.attend(m_member)); // the caller may have taken the attention bit
    ExecutorExit exit = loop();
    m_coherence.leave(m_member);
    return exit;
}

ExecutorExit Translator::loop() {
    for (;;) {
        if (m_state.attention.load() != 0) {
            if (m_state.attention.load() & kAttentionCode)
                serve(m_coherence.attend(m_member));
            if (m_state.attention.load() != 0)
                return ExecutorExit::Attention;
        }
        if (m_state.activity != Activity::Running)
            return ExecutorExit::Inactive;
        const uint8_t* code = needsInterpreter() ? nullptr : findCode();
        auto reason = CodeExit::Interpret;
        if (code)
            reason = execute(code);
        if (reason == CodeExit::PageFault) {
            if (!deliverPageFault())
                return ExecutorExit::Inactive;
            continue;
        }
        if (reason == CodeExit::Interpret && !interpretOne())
            return ExecutorExit::Inactive;
    }
}

bool Translator::needsInterpreter() const {
    constexpr uint32_t kInterpretedModes = mode::kTrap | mode::kBreakpoints | mode::kAlignmentCheck;
    return (m_state.modeKey & kInterpretedModes) != 0 || m_state.interruptShadow != 0 ||
           (m_state.rflags & kFlagRf) != 0 || m_state.pendingDebug != 0;
}

bool Translator::interpretOne() {
    ++m_statistics.steps;
    m_linkPending = false;
    StepResult result = m_interpreter.step();
    return result != StepResult::Halted && result != StepResult::Shutdown;
}

// As the interpreter would after it has found the fault, but without looking for it again.
bool Translator::deliverPageFault() {
    m_linkPending = false;
    return m_interpreter.deliverException(toException(m_pageFault)) != StepResult::Shutdown;
}

CodeExit Translator::execute(const uint8_t* code) {
    ++m_statistics.entries;
    uint64_t flags = m_state.rflags;
    m_data.flags = static_cast<uint16_t>((flags & 0xFF) << 8 | (flags & kFlagOf ? 1 : 0));
    uint8_t* area = m_state.xsave;
    m_data.x87 = {loadLe<uint64_t>(area + kFip), loadLe<uint64_t>(area + kFdp),
                  loadLe<uint16_t>(area + kFop)};
    m_thunks.enter(code);
    if (m_data.simdSaved != 0) { // the host's pointers tell where guest memory and code lie
        m_data.simdSaved = 0;
        storeLe<uint64_t>(area + kFip, m_data.x87.instruction);
        storeLe<uint64_t>(area + kFdp, m_data.x87.data);
        storeLe<uint16_t>(area + kFop, static_cast<uint16_t>(m_data.x87.opcode));
    }
    constexpr uint64_t kLowFlags = kArithmeticFlags & 0xFF;
    // The others are in place: translated code changes some of them (CLI, CLD, STD).
    m_state.rflags = (m_state.rflags & ~kArithmeticFlags) |
                     (uint64_t{m_data.flags} >> 8 & kLowFlags) | (m_data.flags & 1 ? kFlagOf : 0);
    auto reason = static_cast<CodeExit>(m_data.exitReason);
    m_linkPending = reason == CodeExit::Chain;
    m_pendingLink = static_cast<uint32_t>(m_data.exitArgument);
    return reason;
}

uint64_t Translator::fillHelper(TranslatorData* data) {
    auto* self = static_cast<Translator*>(data->owner);
    uint32_t argument = data->slowArgument;
    return self->fill(data->slowLinear, static_cast<AccessKind>(argument & 0xFF),
                      argument >> 8 & 0xFF,
                      argument & kInterpretFaults ? FillFaults::Leave : FillFaults::Deliver);
}

bool Translator::fill(uint64_t linear, AccessKind kind, unsigned sizeBytes, FillFaults faults) {
    ++m_statistics.fills;
    m_data.exitReason = static_cast<uint32_t>(CodeExit::Interpret);
    if (linear % kPageBytes + sizeBytes > kPageBytes || !canonical(linear))
        return false;
    // What may fault after this would leave a dirty bit for a write that never was.
    const bool mayFault = (sizeBytes >= kAlignedBytes && linear % sizeBytes != 0) ||
                          (faults == FillFaults::Leave && x87Unmasked(m_state));
    if (kind == AccessKind::Write && mayFault)
        return false;
    SoftMmu::Place place = m_mmu.place(linear, kind, dataTlbMode(m_state));
    if (place.host) {
        // Another vCPU may have unmarked a page of which this one has code: it is forgotten before
        // anything runs after the write.
        const bool codeGoes =
            kind == AccessKind::Write && (m_state.attention.load() & kAttentionCode);
        return !place.tracked && !codeGoes;
    }
    if (place.fault && faults == FillFaults::Deliver) {
        m_pageFault = *place.fault;
        m_data.exitReason = static_cast<uint32_t>(CodeExit::PageFault);
    }
    return false;
}

bool Translator::guestRipOf(const void* hostAddress, uint64_t& rip) const {
    const Block* block = m_index.findByCode(hostAddress);
    if (!block)
        return false;
    auto offset = static_cast<uint32_t>(m_cache->offsetOf(hostAddress));
    auto after = std::upper_bound(
        block->marks.begin(), block->marks.end(), offset,
        [](uint32_t value, const InstructionMark& mark) { return value < mark.hostOffset; });
    if (after == block->marks.begin() || after == block->marks.end())
        return false; // cold code does not fault
    rip = block->key.rip + std::prev(after)->guestOffset;
    return true;
}

} // namespace vivarium::softcpu
