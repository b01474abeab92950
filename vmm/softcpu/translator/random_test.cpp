#include "vmm/softcpu/translator/native_child.h"
#include "vmm/softcpu/translator/random_instructions.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <csignal>
#include <cstring>

using namespace vivarium;
using namespace vivarium::softcpu;
using namespace vivarium::softcpu::test;

namespace {

// What a program left behind, whoever executed it.
struct Aftermath {
    int fault = -1; // signal that the host's kernel makes of it; SIGTRAP: none
    uint64_t rip = 0;
    uint64_t gpr[16] = {};
    uint64_t flags = 0;
    std::vector<uint8_t> simd; // control words, x87, XMM, upper halves of YMM, opmasks, ZMM
    std::vector<uint8_t> window;
    bool endOverwritten = false; // the program changed what ends it
};

std::vector<uint8_t> simdOf(const uint8_t* xsave) {
    std::vector<uint8_t> simd(xsave, xsave + 5); // FCW, FSW, FTW
    simd.insert(simd.end(), xsave + 24, xsave + 28);
    for (unsigned i = 0; i < 8; ++i)
        simd.insert(simd.end(), xsave + 32 + i * 16, xsave + 32 + i * 16 + 10);
    simd.insert(simd.end(), xsave + 160, xsave + 416);
    if (xsave[512] & 4)
        simd.insert(simd.end(), xsave + 576, xsave + 832);
    else
        simd.insert(simd.end(), 256, 0);
    for (unsigned number = 5; number <= 7; ++number) { // opmasks, ZMM
        const XsaveComponent& component = xsaveComponent(number);
        const uint8_t* at = xsave + component.offset;
        if (xsave[512] >> number & 1)
            simd.insert(simd.end(), at, at + component.sizeBytes);
        else
            simd.insert(simd.end(), component.sizeBytes, 0);
    }
    return simd;
}

constexpr uint64_t kCompared = kArithmeticFlags | kFlagDf;

int signalOf(int vector) {
    switch (vector) {
    case -1:
        return SIGTRAP;
    case kDivideError:
    case kMathFault:
    case kSimdException:
        return SIGFPE;
    case kInvalidOpcode:
        return SIGILL;
    default:
        return SIGSEGV;
    }
}

Aftermath resultOf(TestMachine& machine) {
    Aftermath result;
    const CpuState& state = *machine.state;
    int vector = machine.faultVector();
    result.fault = signalOf(vector);
    std::copy(std::begin(state.gpr), std::end(state.gpr), result.gpr);
    result.rip = state.rip - 1; // HLT is behind it
    result.flags = state.rflags & kCompared;
    if (vector >= 0) {
        auto word = [&](unsigned below) {
            return machine.memory.load<uint64_t>(TestMachine::kFaultStack - below);
        };
        result.gpr[kRsp] = word(16);
        result.flags = word(24) & kCompared;
        result.rip = word(40);
    }
    result.simd = simdOf(state.xsave);
    const uint8_t* window = machine.memory.ram() + TestMachine::kData;
    result.window.assign(window, window + TestMachine::kWindowBytes - 4096);
    return result;
}

QByteArray difference(const Aftermath& a, const Aftermath& b) {
    QByteArray text;
    if (a.fault != b.fault)
        text += " fault " + QByteArray::number(a.fault) + "/" + QByteArray::number(b.fault);
    if (a.rip != b.rip)
        text += " rip " + QByteArray::number(qulonglong(a.rip), 16) + "/" +
                QByteArray::number(qulonglong(b.rip), 16);
    for (unsigned i = 0; i < 16; ++i)
        if (a.gpr[i] != b.gpr[i])
            text += " r" + QByteArray::number(i) + " " +
                    QByteArray::number(qulonglong(a.gpr[i]), 16) + "/" +
                    QByteArray::number(qulonglong(b.gpr[i]), 16);
    if (a.flags != b.flags)
        text += " flags " + QByteArray::number(qulonglong(a.flags), 16) + "/" +
                QByteArray::number(qulonglong(b.flags), 16);
    auto compare = [&](const char* what, const std::vector<uint8_t>& left,
                       const std::vector<uint8_t>& right) {
        auto at = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
        if (at.first != left.end())
            text += QByteArray(" ") + what + " at " + QByteArray::number(at.first - left.begin());
    };
    compare("simd", a.simd, b.simd);
    compare("memory", a.window, b.window);
    return text;
}

QByteArray listing(const std::vector<uint8_t>& program, uint64_t rip, uint32_t modeKey) {
    QByteArray text;
    ZydisFormatter formatter;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    size_t position = 0;
    while (position < program.size()) {
        GuestInstruction instruction;
        if (fetchInstruction(ConstByteSpan(program).subspan(position), rip + position, modeKey,
                             instruction) != FetchStatus::Ok)
            break;
        char line[128];
        ZydisFormatterFormatInstruction(&formatter, &instruction.info, instruction.operands,
                                        instruction.info.operand_count_visible, line, sizeof line,
                                        rip + position, nullptr);
        const auto* bytes = reinterpret_cast<const char*>(program.data() + position);
        text +=
            "\n  " + QByteArray(line) + "  " + QByteArray(bytes, instruction.info.length).toHex();
        position += instruction.info.length;
    }
    return text;
}

// One program with its starting state.
struct Case {
    std::vector<uint8_t> program;
    std::unique_ptr<CpuState> start = std::make_unique<CpuState>();
    std::vector<uint8_t> window;
};

// Modes that the host's processor is not in: translator against interpreter.
constexpr uint32_t kHaltSegment = 0x100; // where real mode's exceptions end
enum class GuestMode { Flat32, Segmented32, Real };

void enterMode(TestMachine& machine, GuestMode mode) {
    CpuState& state = *machine.state;
    bool real = mode == GuestMode::Real;
    resetCpu(state, CpuReset::PowerOn);
    state.cr0 = real ? kCr0Et : kCr0Pe | kCr0Et | kCr0Ne;
    state.cr4 = kCr4Osfxsr | kCr4Osxmmexcpt | kCr4Osxsave;
    state.xcr0 = kXcr0X87 | kXcr0Sse | kXcr0Avx;
    for (unsigned i = 0; i < 6; ++i)
        state.segment[i] = {real ? uint64_t{0x10000} : 0, real ? 0xFFFFu : 0xFFFFFFFFu,
                            static_cast<uint16_t>(real ? 0x1000 : 8),
                            static_cast<uint16_t>((real ? 0 : 0xC000) | (i == kCs ? 0x9B : 0x93))};
    if (mode == GuestMode::Segmented32) {
        state.segment[kDs] = {0x1000, TestMachine::kData + 0x1800, 16, 0x4093};
        state.segment[kEs] = {0x2000, 0xFFFFFFFF, 16, 0xC091}; // read-only
    }
    state.idtr = {0, static_cast<uint16_t>(real ? 0x3FF : 0)};
    state.rip = real ? 0 : TestMachine::kCode;
    machine.mmu.tlb().flushAll();
    updateModeKey(state);
}

class Executors {
public:
    Executors() : m_child(TestMachine::kCode, TestMachine::kWindowBytes) {}
    bool hostUsable() const { return m_child.usable(); }

    Aftermath guest(const Case& test, TestMachine::By by) {
        TestMachine& machine = m_machine;
        machine.enterLongMode();
        std::copy(std::begin(test.start->gpr), std::end(test.start->gpr), machine.state->gpr);
        machine.state->rflags = test.start->rflags;
        std::memcpy(machine.state->xsave, test.start->xsave, kXsaveBytes);
        load(machine.memory.ram() + TestMachine::kCode, test, 0xF4);
        run(by, TestMachine::kCode, TestMachine::kWindowBytes);
        return resultOf(machine);
    }

    // A single instruction in `mode`. Faults end in shutdown, in real mode at a HLT.
    Aftermath guest(const Case& test, TestMachine::By by, GuestMode mode) {
        TestMachine& machine = m_machine;
        enterMode(machine, mode);
        CpuState& state = *machine.state;
        uint64_t place = state.segment[kCs].base + state.rip;
        for (unsigned i = 0; i < 16; ++i)
            state.gpr[i] = i < 8 ? static_cast<uint32_t>(test.start->gpr[i]) : 0;
        state.rflags = test.start->rflags;
        std::memcpy(state.xsave, test.start->xsave, kXsaveBytes);
        uint8_t* ram = machine.memory.ram();
        std::memset(ram, 0x5A, 0x20000); // small addresses are RAM here
        for (unsigned vector = 0; vector < 256; ++vector)
            machine.memory.store<uint32_t>(vector * 4, kHaltSegment << 16);
        machine.memory.store<uint8_t>(kHaltSegment * 16, 0xF4);
        load(ram + place, test, 0xF4);
        run(by, 0, 0x400000);
        Aftermath result;
        result.fault = static_cast<int>(state.activity);
        result.rip = state.rip;
        for (unsigned i = 0; i < 8; ++i)
            result.gpr[i] = static_cast<uint32_t>(state.gpr[i]);
        result.flags = state.rflags;
        result.simd = simdOf(state.xsave);
        result.window.assign(ram + TestMachine::kCode, ram + TestMachine::kCode + 0x8000);
        result.window.insert(result.window.end(), ram, ram + 0x20000);
        return result;
    }

    Aftermath host(const Case& test) {
        test.start->rip = TestMachine::kCode;
        load(m_child.window(), test, 0xCC);
        NativeChild::Outcome outcome = m_child.run(*test.start);
        Aftermath result;
        result.fault = outcome.signal == SIGBUS ? SIGSEGV : outcome.signal;
        result.rip = outcome.rip;
        std::copy(std::begin(outcome.gpr), std::end(outcome.gpr), result.gpr);
        result.flags = outcome.flags & kCompared;
        result.simd = simdOf(outcome.xsave);
        result.endOverwritten = m_child.window()[test.program.size()] != 0xCC;
        result.window.assign(m_child.window() + 4096, m_child.window() + TestMachine::kWindowBytes);
        return result;
    }

private:
    static void load(uint8_t* window, const Case& test, uint8_t end) {
        std::memcpy(window, test.window.data(), test.window.size());
        std::memcpy(window, test.program.data(), test.program.size());
        window[test.program.size()] = end;
    }

    // With all code in that range new. Translated code tests misses in one way and the other.
    void run(TestMachine::By by, GuestAddress address, uint64_t sizeBytes) {
        m_machine.translator().requestCodeInvalidation(address, sizeBytes);
        if (by == TestMachine::By::Translator) {
            m_missTest = m_missTest == MissTest::Loop ? MissTest::Jrcxz : MissTest::Loop;
            m_machine.translator().setMissTest(m_missTest);
        }
        m_machine.run(by);
    }

    TestMachine m_machine;
    NativeChild m_child;
    MissTest m_missTest = MissTest::Loop;
};

using Scope = RandomInstructions::Scope;

Case randomCase(RandomInstructions& random, unsigned count, uint32_t modeKey, Scope scope,
                uint64_t rip = TestMachine::kCode) {
    Case test;
    for (unsigned i = 0; i < count; ++i) {
        auto bytes = random.next(rip + test.program.size(), modeKey, scope);
        test.program.insert(test.program.end(), bytes.begin(), bytes.end());
    }
    random.registers(*test.start);
    random.simd(*test.start);
    if (scope == Scope::Avx512)
        random.wideState(*test.start);
    test.window.resize(TestMachine::kWindowBytes);
    for (uint8_t& byte : test.window)
        byte = static_cast<uint8_t>(random.below(256));
    return test;
}

} // namespace

// Random programs on the translator and on the host's processor, and on the interpreter.
class RandomProgramTest : public QObject {
    Q_OBJECT

private:
    static constexpr uint64_t kSeed = 20260;

    static void compareWithHost(Scope scope, unsigned rounds) {
        Executors executors;
        if (!executors.hostUsable())
            QSKIP("this host does not allow ptrace");
        TestMachine modes; // for the mode key
        RandomInstructions random(kSeed);
        unsigned failures = 0;
        for (unsigned round = 0; round < testRounds(rounds) && failures < testRounds(10); ++round) {
            Case test = randomCase(random, 1 + round % 5, modes.state->modeKey, scope);
            Aftermath host = executors.host(test);
            if (host.endOverwritten) // what it has become is not the same in the guest
                continue;
            Aftermath guest = executors.guest(test, TestMachine::By::Translator);
            QByteArray text = difference(guest, host);
            if (text.isEmpty())
                continue;
            ++failures;
            qWarning().noquote() << "round" << round << "guest/host:" << text
                                 << listing(test.program, TestMachine::kCode, modes.state->modeKey);
        }
        QCOMPARE(failures, 0u);
    }

    static void compareInMode(GuestMode mode, unsigned rounds) {
        Executors executors;
        TestMachine modes; // for the mode key
        enterMode(modes, mode);
        uint64_t rip = modes.state->rip;
        uint32_t modeKey = modes.state->modeKey;
        RandomInstructions random(kSeed);
        unsigned failures = 0;
        for (unsigned round = 0; round < testRounds(rounds) && failures < testRounds(10); ++round) {
            Case test = randomCase(random, 1, modeKey, Scope::Privileged, rip);
            Aftermath interpreted = executors.guest(test, TestMachine::By::Interpreter, mode);
            Aftermath translated = executors.guest(test, TestMachine::By::Translator, mode);
            QByteArray text = difference(translated, interpreted);
            if (text.isEmpty())
                continue;
            ++failures;
            qWarning().noquote() << "round" << round << "translated/interpreted:" << text
                                 << listing(test.program, rip, modeKey);
        }
        QCOMPARE(failures, 0u);
    }

private Q_SLOTS:
    void flatProtectedMode() { compareInMode(GuestMode::Flat32, 1000); }
    void segmentedProtectedMode() { compareInMode(GuestMode::Segmented32, 1000); }
    void realMode() { compareInMode(GuestMode::Real, 1000); }
    void translatorMatchesHost() { compareWithHost(Scope::UserMode, 4000); }
    // Where the host lacks them, both find them undefined.
    void wideVectorsMatchHost() { compareWithHost(Scope::Avx512, 1000); }
};

VIVARIUM_TEST(RandomProgramTest)
#include "random_test.moc"
