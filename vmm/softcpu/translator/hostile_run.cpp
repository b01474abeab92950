#include "vmm/softcpu/translator/hostile_run.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <csignal>

#include <sys/time.h>

namespace vivarium::softcpu::test {

namespace {

constexpr int kRunMicroseconds = 400; // of a guest that loops
constexpr unsigned kMaxSteps = 60'000;
constexpr unsigned kFxsaveRegisters = 32;
constexpr uint8_t kAccessed = 0x20; // of a page-table entry

std::atomic<CpuState*> g_running = nullptr;

void onTimer(int) {
    if (CpuState* state = g_running.load())
        state->attention.fetch_or(kAttentionKick);
}

void setTimer(int microseconds) {
    itimerval interval{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &interval, nullptr);
}

bool sameSegment(const SegmentRegister& a, const SegmentRegister& b) {
    return a.base == b.base && a.limit == b.limit && a.selector == b.selector &&
           a.attributes == b.attributes;
}

bool sameTable(const DescriptorTable& a, const DescriptorTable& b) {
    return a.base == b.base && a.limit == b.limit;
}

// What of an XSAVE area counts: upper halves of YMM may be in their initial configuration.
std::vector<uint8_t> simdOf(const CpuState& state) {
    const uint8_t* area = state.xsave;
    std::vector<uint8_t> simd(area, area + 5);    // FCW, FSW, FTW
    simd.insert(simd.end(), area + 6, area + 28); // FOP, FIP, FDP, MXCSR
    for (unsigned i = 0; i < 8; ++i)
        simd.insert(simd.end(), area + kFxsaveRegisters + i * 16,
                    area + kFxsaveRegisters + i * 16 + 10);
    simd.insert(simd.end(), area + 160, area + 416);
    if (area[512] & 4)
        simd.insert(simd.end(), area + 576, area + 832);
    else
        simd.insert(simd.end(), 256, 0);
    return simd;
}

} // namespace

HostileRun::HostileRun() {
    m_translated.translator();
    struct sigaction action {};
    action.sa_handler = onTimer;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGALRM, &action, nullptr);
}

HostileRun::~HostileRun() {
    setTimer(0);
    ::signal(SIGALRM, SIG_DFL);
}

HostileRun::Verdict HostileRun::run(const HostileGuest& guest) {
    guest.load(m_translated);
    Translator& translator = m_translated.translator();
    translator.setMissTest(m_translated.state->rip & 1 ? MissTest::Loop : MissTest::Jrcxz);
    translator.requestCodeInvalidation(0, GuardedMemory::kRamBytes);
    translate();
    guest.load(m_interpreted);
    Verdict verdict = interpret(m_translated.state->activity != Activity::Running);
    if (verdict == Verdict::Different &&
        (guest.tablesChanged(m_translated) || guest.tablesChanged(m_interpreted)))
        return Verdict::Unclear;
    return verdict;
}

void HostileRun::translate() {
    CpuState& state = *m_translated.state;
    state.attention.store(kAttentionCode);
    g_running.store(&state);
    setTimer(kRunMicroseconds);
    m_translated.translator().run();
    setTimer(0);
    g_running.store(nullptr);
    state.attention.store(0);
}

// Until it halts as the translator did, or comes by the state that the translator stopped in. Its
// repeated instructions pause after each element, as the translator's may have.
HostileRun::Verdict HostileRun::interpret(bool ended) {
    CpuState& state = *m_interpreted.state;
    for (unsigned i = 0; i < kMaxSteps; ++i) {
        if (!ended && sameRegisters() && sameState())
            return Verdict::Same;
        state.attention.store(kAttentionKick);
        StepResult result = m_interpreted.interpreter.step();
        if (result == StepResult::Halted || result == StepResult::Shutdown) {
            if (sameState())
                return Verdict::Same;
            // A whole run's pieces of a repeated instruction are not one element each.
            return ended ? Verdict::Different : Verdict::Unclear;
        }
    }
    return Verdict::Unclear;
}

bool HostileRun::sameRegisters() const {
    const CpuState &a = *m_translated.state, &b = *m_interpreted.state;
    return a.rip == b.rip && a.rflags == b.rflags &&
           std::equal(std::begin(a.gpr), std::end(a.gpr), std::begin(b.gpr));
}

bool HostileRun::sameState() {
    const CpuState &a = *m_translated.state, &b = *m_interpreted.state;
    m_difference.clear();
    auto compare = [&](const char* name, uint64_t left, uint64_t right) {
        if (left != right)
            m_difference += formatText(" %s %llx/%llx", name, static_cast<unsigned long long>(left),
                                       static_cast<unsigned long long>(right));
    };
    compare("rip", a.rip, b.rip);
    compare("rflags", a.rflags, b.rflags);
    for (unsigned i = 0; i < 16; ++i)
        compare(formatText("r%u", i).c_str(), a.gpr[i], b.gpr[i]);
    for (unsigned i = 0; i < 6; ++i)
        if (!sameSegment(a.segment[i], b.segment[i]))
            compare(formatText("segment %u", i).c_str(), a.segment[i].selector | 1u << 16,
                    b.segment[i].selector);
    compare("cr0", a.cr0, b.cr0);
    compare("cr2", a.cr2, b.cr2);
    compare("cr3", a.cr3, b.cr3);
    compare("cr4", a.cr4, b.cr4);
    compare("efer", a.efer, b.efer);
    compare("xcr0", a.xcr0, b.xcr0);
    compare("mode", a.modeKey, b.modeKey);
    for (unsigned i = 0; i < 8; ++i)
        compare(formatText("dr%u", i).c_str(), a.dr[i], b.dr[i]);
    compare("task", sameSegment(a.tr, b.tr) && sameSegment(a.ldtr, b.ldtr), 1);
    compare("tables", sameTable(a.gdtr, b.gdtr) && sameTable(a.idtr, b.idtr), 1);
    compare("activity", static_cast<uint64_t>(a.activity), static_cast<uint64_t>(b.activity));
    compare("shadow", a.interruptShadow, b.interruptShadow);
    compare("debug", a.pendingDebug, b.pendingDebug);
    compare("gs", a.kernelGsBase, b.kernelGsBase);
    compare("accesses", m_translated.memory.accesses, m_interpreted.memory.accesses);
    compare("ticks", m_translated.platform.ticks, m_interpreted.platform.ticks);
    auto bytes = [&](const char* name, const uint8_t* left, const uint8_t* right, size_t size) {
        if (std::memcmp(left, right, size) == 0)
            return;
        auto at = static_cast<size_t>(std::mismatch(left, left + size, right).first - left);
        m_difference += formatText(" %s at %zx %02x/%02x", name, at, left[at], right[at]);
    };
    auto left = simdOf(a), right = simdOf(b);
    bytes("simd", left.data(), right.data(), left.size());
    // Accessed bits may be set for what is not carried out (Intel SDM 3A, 4.8).
    std::vector<uint8_t> memory[2];
    for (unsigned i = 0; i < 2; ++i) {
        const uint8_t* ram = (i == 0 ? m_translated : m_interpreted).memory.ram();
        memory[i].assign(ram, ram + GuardedMemory::kRamBytes);
        for (uint64_t at = HostileGuest::kTables; at < HostileGuest::kTablesEnd; at += 4)
            memory[i][at] &= static_cast<uint8_t>(~kAccessed);
    }
    bytes("memory", memory[0].data(), memory[1].data(), memory[0].size());
    return m_difference.empty();
}

} // namespace vivarium::softcpu::test
