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
// A block of 64 instructions with a TLB lookup each stays far below this.
constexpr size_t kBlockReserveBytes = 24 * 1024;
// Bounds of what a guest can make the tables beside the code grow to.
constexpr size_t kMaxBlocks = 100'000, kMaxPages = 16'384;
// Mode bits that only interpreted instructions look at.
constexpr uint32_t kModeBitsIgnored = mode::kFsgsbase;
// Operands of this size and more may have to be aligned.
constexpr unsigned kAlignedBytes = 16;
// Invalidating more goes faster by forgetting all.
constexpr uint64_t kManyBytes = uint64_t{16} << 20;

bool hostHasBmi2AndXsave() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI2);
}

uint32_t hostXsaveComponents() {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    // What CpuState::xsave has room for in the standard form.
    return low & static_cast<uint32_t>(kXcr0X87 | kXcr0Sse | kXcr0Avx | kXcr0Avx512);
}

bool canonical(uint64_t linear) {
    return static_cast<uint64_t>(static_cast<int64_t>(linear << 16) >> 16) == linear;
}

bool x87Unmasked(const CpuState& state) {
    constexpr uint8_t kMasks = 0x3F; // of FCW
    return (state.xsave[kFcw] & kMasks) != kMasks;
}

// Zeros would be the name of the last byte, which has the last place.
JumpEntry emptyJump(unsigned index) {
    return {.inverted = index == kJumpEntries - 1 ? ~uint64_t{0} : 0};
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
    m_data.pageNumberMask = ~(kPageBytes - 1);
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
    m_data.simdMask = hostXsaveComponents();
    m_data.hostMxcsr = _mm_getcsr();
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

BlockKey Translator::presentKey() const {
    BlockKey key;
    key.rip = m_state.rip;
    key.modeKey = m_state.modeKey & ~kModeBitsIgnored;
    if (!code64(m_state)) {
        key.codeBase = m_state.segment[kCs].base;
        key.codeLimit = m_state.segment[kCs].limit;
    }
    return key;
}

const uint8_t* Translator::findCode() {
    BlockKey key = presentKey();
    bool bits64 = code64(m_state);
    if (bits64 ? !canonical(key.rip) : key.rip > key.codeLimit)
        return nullptr;
    uint64_t linear = bits64 ? key.rip : (key.codeBase + key.rip) & 0xFFFFFFFF;
    TlbMode fetchMode = cpl(m_state) == 3 ? TlbMode::User : TlbMode::Supervisor;
    std::optional<GuestAddress> physical = m_mmu.tlb().codePage(linear, fetchMode);
    if (!physical)
        physical = enterPage(linear, fetchMode);
    if (!physical)
        return nullptr;
    key.physical = *physical;
    if (const uint8_t* code = linkedCode(key, linear))
        return code;
    const JumpEntry& jump = jumpEntry(key);
    if (!m_linkPending && jump.inverted == ~jumpName(key.codeBase, key.rip) &&
        jump.page == codePageName(linear, key.physical))
        return jump.code;
    Block* block = m_index.find(key);
    if (!block)
        block = translate(key, linear, fetchMode);
    if (!block)
        return nullptr;
    connectPending(*block, linear);
    // Contexts may have been given out anew since the entry was missed.
    jumpEntry(key) = {.inverted = ~jumpName(key.codeBase, key.rip),
                      .code = block->code,
                      .page = codePageName(linear, key.physical),
                      .slot = SoftTlb::codePageOffset(linear, fetchMode)};
    return block->code;
}

// Looks up where a page of code lies and compares its bytes if devices may have written there.
std::optional<GuestAddress> Translator::enterPage(uint64_t linear, TlbMode fetchMode) {
    SoftMmu::CodePlace place = m_mmu.codePlace(linear, fetchMode);
    if (place.fault || !place.host || place.physical >> kCodePhysicalBits != 0)
        return std::nullopt;
    m_index.verifyPage(place.physical, place.host - place.physical % kPageBytes, m_verifyRound,
                       [this](const Block& block) { dropJump(block); });
    m_mmu.tlb().setCodePage(linear, place.physical, fetchMode);
    return place.physical;
}

// The target of the link that was left by, when only its page had to be looked up again.
const uint8_t* Translator::linkedCode(const BlockKey& key, uint64_t linear) {
    if (!m_linkPending)
        return nullptr;
    const Link* link = m_index.link(m_pendingLink);
    if (!link || !link->target || link->page != codePageName(linear, key.physical) ||
        !(link->target->key == key))
        return nullptr;
    m_linkPending = false;
    return link->target->code;
}

Block* Translator::translate(const BlockKey& key, uint64_t linear, TlbMode fetchMode) {
    if (m_cache->freeBytes() < kBlockReserveBytes || m_index.size() >= kMaxBlocks ||
        m_index.pages() >= kMaxPages) {
        ++m_statistics.flushes;
        forgetBlocks();
    }
    switch (m_coherence.gainCode(
        m_member, key.physical & ~(kPageBytes - 1),
        [this](const CodeCoherence::Requests& requests) { serve(requests); })) {
    case CodeCoherence::Gain::Known:
        break;
    case CodeCoherence::Gain::New:
        m_mmu.tlb().flushWrites();
        break;
    case CodeCoherence::Gain::Interrupted:
        return nullptr;
    }
    SoftMmu::CodePlace place = m_mmu.codePlace(linear, fetchMode);
    if (place.fault || !place.host || place.physical != key.physical)
        return nullptr;
    uint64_t available = kPageBytes - key.physical % kPageBytes;
    if (!code64(m_state))
        available = std::min(available, uint64_t{key.codeLimit} - key.rip + 1);
    // The guest may change its code at any time: what is translated is one copy of it.
    uint8_t copy[kPageBytes];
    std::memcpy(copy, place.host, available);
    BlockSource source;
    source.rip = key.rip;
    source.codeBase = key.codeBase;
    source.codeLimit = key.codeLimit;
    source.bytes = ConstByteSpan(copy, static_cast<size_t>(available));
    source.modeKey = key.modeKey;
    source.jumpContext = contextFor(key);
    source.firstLink = m_index.nextLink();
    BlockCode code;
    if (!m_blockTranslator.translate(source, code))
        return nullptr;
    ++m_statistics.blocks;
    return &m_index.add(key, std::move(code), copy, place.host - key.physical % kPageBytes,
                        m_verifyRound);
}

unsigned Translator::contextFor(const BlockKey& key) {
    for (unsigned i = 0; i < kJumpContexts; ++i) {
        Context& context = m_contexts[i];
        if (!context.used)
            context = {key.modeKey, key.codeLimit, true};
        if (context.modeKey == key.modeKey && context.codeLimit == key.codeLimit)
            return i;
    }
    forgetBlocks(); // blocks have their jump cache built in
    m_contexts[0] = {key.modeKey, key.codeLimit, true};
    return 0;
}

JumpEntry& Translator::jumpEntry(const BlockKey& key) {
    return m_data.jumpCache[contextFor(key)][key.rip % kJumpEntries];
}

void Translator::connectPending(Block& target, uint64_t linear) {
    if (!m_linkPending)
        return;
    m_linkPending = false;
    Link* link = m_index.link(m_pendingLink);
    if (!link || !link->owner->alive || link->site.targetRip != target.key.rip ||
        link->owner->key.modeKey != target.key.modeKey ||
        link->owner->key.codeBase != target.key.codeBase)
        return;
    if (link->site.pageOffset == 0 &&
        link->owner->key.physical / kPageBytes != target.key.physical / kPageBytes)
        return;
    m_index.connect(m_pendingLink, target, codePageName(linear, target.key.physical));
}

void Translator::serve(const CodeCoherence::Requests& requests) {
    if (requests.flushWrites) {
        m_mmu.tlb().flushWrites();
        m_coherence.flushed(m_member);
    }
    if (requests.verify) {
        ++m_verifyRound;
        m_mmu.tlb().forgetCodePages();
    }
    for (const auto& range : requests.ranges)
        removeCode(range.address, range.sizeBytes);
}

void Translator::removeCode(GuestAddress address, uint64_t sizeBytes) {
    if (sizeBytes > kManyBytes) {
        forgetBlocks();
        return;
    }
    auto removed = [this](const Block& block) { dropJump(block); };
    while (sizeBytes > 0) {
        uint64_t part = std::min(sizeBytes, kPageBytes - address % kPageBytes);
        m_index.removeRange(address, part, removed);
        address += part;
        sizeBytes -= part;
    }
}

// A page without code of this vCPU is unmarked, and the others forget what they have of it: the
// next translation marks it again. Else every write to data beside code that is gone were slow.
void Translator::codeWritten(GuestAddress address, unsigned sizeBytes) {
    bool remain =
        m_index.removeRange(address, sizeBytes, [this](const Block& block) { dropJump(block); });
    if (remain) {
        m_coherence.written(&m_member, address, sizeBytes);
        return;
    }
    GuestAddress page = address & ~(kPageBytes - 1);
    m_coherence.loseCode(m_member, page, kPageBytes);
}

void Translator::dropJump(const Block& block) {
    ++m_statistics.removals;
    unsigned index = block.key.rip % kJumpEntries;
    for (unsigned i = 0; i < kJumpContexts; ++i)
        if (m_data.jumpCache[i][index].code == block.code)
            m_data.jumpCache[i][index] = emptyJump(index);
}

void Translator::forgetBlocks() {
    m_index.clear();
    m_cache->flush();
    m_linkPending = false;
    for (unsigned i = 0; i < kJumpContexts && m_contexts[i].used; ++i) {
        m_contexts[i].used = false;
        std::fill_n(m_data.jumpCache[i], kJumpEntries, JumpEntry{});
        m_data.jumpCache[i][kJumpEntries - 1] = emptyJump(kJumpEntries - 1);
    }
}

void Translator::invalidateAll() {
    forgetBlocks();
}

void Translator::requestCodeInvalidation(GuestAddress address, uint64_t sizeBytes) {
    m_coherence.request(m_member, address, sizeBytes);
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
