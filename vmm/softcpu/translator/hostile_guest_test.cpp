// What a guest may do to hurt: accidents in every mode between guard pages, code that changes all
// the time, and code that fills the cache.
#include "vmm/softcpu/translator/hostile_run.h"

#include "tests/support/test_main.h"

#include <QObject>
#include <QTest>

#include <malloc.h>

namespace vivarium::softcpu::test {

namespace {

constexpr size_t kMostBytes = size_t{96} << 20; // for what is known of a full cache of code

// Of the heap. A sanitizer's is not counted.
size_t usedBytes() {
    return ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
}

} // namespace

class HostileGuestTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // VIVARIUM_TEST_ROUNDS=100 makes it that much longer, VIVARIUM_TEST_SEED another one.
    void accidentsStayInTheirMemory() {
        HostileRun runs;
        unsigned counts[3] = {}, different = 0;
        uint64_t first = qEnvironmentVariableIntValue("VIVARIUM_TEST_SEED");
        for (uint64_t seed = first; seed < first + testRounds(600) && different < 20; ++seed) {
            HostileGuest guest(seed);
            HostileRun::Verdict verdict = runs.run(guest);
            ++counts[static_cast<unsigned>(verdict)];
            if (verdict != HostileRun::Verdict::Different)
                continue;
            ++different;
            qWarning().noquote() << "seed" << seed << guest.modeName().c_str()
                                 << "translated/interpreted:" << runs.difference().c_str();
        }
        qInfo() << counts[0] << "the same," << counts[1] << "unclear";
        QCOMPARE(different, 0u);
        QVERIFY(counts[0] > counts[1]);
    }

    void codeThatIsRewrittenAllTheTimeCostsNoMemory() {
        TestMachine machine;
        // 1: mov [rsi+1], ecx; call kData; add edx, eax; dec ecx; jnz 1b; hlt
        std::vector<uint8_t> program{0x89, 0x4E, 1,    0xE8, 0,    0,    0,   0,
                                     1,    0xC2, 0xFF, 0xC9, 0x75, 0xF2, 0xF4};
        auto distance = static_cast<uint32_t>(TestMachine::kData - TestMachine::kCode - 8);
        std::memcpy(program.data() + 4, &distance, sizeof distance);
        machine.put(TestMachine::kCode, program);
        machine.put(TestMachine::kData, {0xB8, 0, 0, 0, 0, 0xC3}); // mov eax, 0; ret
        constexpr uint32_t kTimes = 150'000;
        machine.state->gpr[kRsi] = TestMachine::kData;
        machine.state->gpr[kRcx] = kTimes;
        machine.state->gpr[kRdx] = 0;
        machine.translator();
        size_t before = usedBytes();
        QVERIFY(machine.run(TestMachine::By::Translator));
        constexpr auto kSum = static_cast<uint32_t>(uint64_t{kTimes} * (kTimes + 1) / 2);
        QCOMPARE(static_cast<uint32_t>(machine.state->gpr[kRdx]), kSum);
        QVERIFY(machine.translator().statistics().flushes > 0);
        QVERIFY2(usedBytes() < before + kMostBytes,
                 qPrintable(QString::number(usedBytes() - before)));
    }

    void codeThatFillsTheCacheCostsNoMemory() {
        TestMachine machine;
        // 1: call rsi; inc rsi; dec ecx; jnz 1b; hlt: every byte of what follows is a block
        machine.put(TestMachine::kCode,
                    {0xFF, 0xD6, 0x48, 0xFF, 0xC6, 0xFF, 0xC9, 0x75, 0xF7, 0xF4});
        constexpr uint32_t kTimes = 150'000;
        std::memset(machine.memory.ram() + 0x10000, 0xC3, kTimes); // ret
        machine.state->gpr[kRsi] = TestMachine::kSystem + 0x10000;
        machine.state->gpr[kRcx] = kTimes;
        machine.translator(size_t{32} << 20);
        size_t before = usedBytes();
        QVERIFY(machine.run(TestMachine::By::Translator));
        QCOMPARE(machine.state->gpr[kRsi], TestMachine::kSystem + 0x10000 + kTimes);
        QVERIFY(machine.translator().statistics().blocks >= kTimes);
        QVERIFY(machine.translator().statistics().flushes > 0);
        QVERIFY2(usedBytes() < before + kMostBytes,
                 qPrintable(QString::number(usedBytes() - before)));
    }

    void requestsToAHaltedCpuDoNotPileUp() {
        TestMachine machine;
        CodeCoherence coherence(machine.memory.view());
        CodeCoherence::Member halted(*machine.state);
        coherence.add(halted);
        for (uint64_t i = 0; i < 1'000'000; ++i)
            coherence.written(nullptr, i * 8, 8);
        CodeCoherence::Requests requests = coherence.attend(halted);
        QVERIFY(requests.ranges.size() <= CodeCoherence::Member::kMaxRanges);
        QCOMPARE(requests.ranges.front().address, GuestAddress{0});
        QCOMPARE(requests.ranges.front().sizeBytes, ~uint64_t{0});
        coherence.remove(halted);
    }
};

} // namespace vivarium::softcpu::test

using vivarium::softcpu::test::HostileGuestTest;
VIVARIUM_TEST(HostileGuestTest)
#include "hostile_guest_test.moc"
