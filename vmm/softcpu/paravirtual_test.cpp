// KVM's paravirtual services on the software CPU: registers and memory by themselves, in a guest,
// and across the two accelerators.
#include "vmm/softcpu/paravirtual/paravirtual_cpu.h"

#include "tests/support/test_main.h"
#include "vmm/kvm/kvm_test_guest.h"
#include "vmm/softcpu/soft_test_guest.h"

#include <QTest>

#include <map>

using namespace vivarium;
using namespace vivarium::test;
using namespace vivarium::paravirtual;

namespace {

constexpr GuestAddress kInfo = 0x5000;
constexpr uint64_t kSecond = 1'000'000'000;

class FixedClock final : public Clock {
public:
    uint64_t nowNs() const override { return now; }
    int64_t wallClockNs() const override { return wall; }
    uint64_t now = 3 * kSecond;
    int64_t wall = 1'000'003'000'000'123;
};

class FakeHost final : public ParavirtualCpu::Host {
public:
    void storeGuest(GuestAddress address, ConstByteSpan bytes) override {
        for (uint8_t byte : bytes)
            memory[address++] = byte;
        if (address - bytes.size() == kInfo)
            versions.push_back(loadGuest(kInfo));
    }
    uint32_t loadGuest(GuestAddress address) override { return load<uint32_t>(address); }
    TimeStampRate timeStampRate() const override { return rate; }
    void interruptSelf(uint8_t vector) override { interrupts.push_back(vector); }

    template <class T>
    T load(GuestAddress address) {
        uint8_t bytes[sizeof(T)];
        for (uint8_t& byte : bytes)
            byte = memory[address++];
        return loadLe<T>(bytes);
    }

    std::map<GuestAddress, uint8_t> memory;
    std::vector<uint32_t> versions;
    std::vector<uint8_t> interrupts;
    TimeStampRate rate;
};

// One processor of `count`.
struct Cpu {
    explicit Cpu(unsigned count = 1)
        : machine(clock, count, [this](unsigned index) { woken.push_back(index); }) {}
    FixedClock clock;
    std::vector<unsigned> woken;
    ParavirtualMachine machine;
    FakeHost host;
    ParavirtualCpu cpu{host, machine, 0};
};

// What a guest makes of the structure at `info` when its time stamp is `tsc`.
uint64_t guestClockNs(const uint8_t* info, uint64_t tsc) {
    const auto shift = static_cast<int8_t>(info[kTimeInfoShift]);
    uint64_t delta = tsc - loadLe<uint64_t>(info + kTimeInfoTsc);
    delta = shift < 0 ? delta >> -shift : delta << shift;
    const auto multiplier = loadLe<uint32_t>(info + kTimeInfoMultiplier);
    return loadLe<uint64_t>(info + kTimeInfoSystem) +
           static_cast<uint64_t>((static_cast<unsigned __int128>(delta) * multiplier) >> 32);
}
std::vector<uint8_t> infoOf(FakeHost& host) {
    std::vector<uint8_t> info;
    for (size_t i = 0; i < kTimeInfoBytes; ++i)
        info.push_back(host.memory[kInfo + i]);
    return info;
}

// mov ecx, 0x4B564D01; mov eax, 0x5001; xor edx, edx; wrmsr, then a word to port 0x100 for ever:
// rdtsc; mov dx, 0x100; out dx, eax
const std::vector<uint8_t> kClockGuest{0x66, 0xB9, 0x01, 0x4D, 0x56, 0x4B, 0x66, 0xB8, 0x01,
                                       0x50, 0x00, 0x00, 0x66, 0x31, 0xD2, 0x0F, 0x30, 0x0F,
                                       0x31, 0xBA, 0x00, 0x01, 0x66, 0xEF, 0xEB, 0xF7};

} // namespace

class ParavirtualTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theClockFollowsTheTimeStamp_data() {
        QTest::addColumn<uint32_t>("khz");
        for (uint32_t khz : {1'000'000u, 2'445'430u, 999'999u, 3'999'999u, 1'193u, 100'000'000u})
            QTest::addRow("%u kHz", khz) << khz;
    }
    void theClockFollowsTheTimeStamp() {
        QFETCH(uint32_t, khz);
        Cpu c;
        c.host.rate.khz = khz;
        c.machine.setClockNs(1000 * kSecond);
        c.machine.setTscOffset(0, 77'777);
        QVERIFY(c.cpu.write(msr::kSystemTime, kInfo | kEnabled));
        QCOMPARE(c.cpu.read(msr::kOldSystemTime), std::optional<uint64_t>(kInfo | kEnabled));
        const auto info = infoOf(c.host);
        for (uint64_t later : {uint64_t{0}, kSecond / 3, 3600 * kSecond, 86'400 * kSecond}) {
            const uint64_t tsc = c.host.rate.ticks(c.clock.now + later) + 77'777;
            const uint64_t ns = guestClockNs(info.data(), tsc);
            const uint64_t wanted = 1000 * kSecond + later;
            // A tick or two, and what 32 bits of a multiplier lose in a day.
            const uint64_t tolerance = 2'000'000 / khz + 2 + later / 2'000'000'000;
            QVERIFY2(ns + tolerance >= wanted && ns <= wanted + tolerance,
                     qPrintable(QStringLiteral("%1 %2").arg(ns).arg(wanted)));
        }
    }

    void theVersionIsOddWhileTheRestChanges() {
        Cpu c;
        QVERIFY(c.cpu.write(msr::kOldSystemTime, kInfo | kEnabled));
        QVERIFY(c.cpu.write(msr::kOldSystemTime, kInfo | kEnabled));
        QCOMPARE(c.host.versions.size(), size_t{4});
        for (size_t i = 0; i < 4; ++i)
            QCOMPARE(c.host.versions[i] % 2, i % 2 == 0 ? 1u : 0u);
        QVERIFY(c.host.versions[3] > c.host.versions[1]);
        QVERIFY(c.cpu.write(msr::kSystemTime, 0)); // off: nothing is written any more
        c.machine.setClockNs(5);
        c.cpu.refresh();
        QCOMPARE(c.host.versions.size(), size_t{4});
    }

    void processorsOutOfStepAreSaidToBe() {
        Cpu c(2);
        QVERIFY(c.cpu.write(msr::kSystemTime, kInfo | kEnabled));
        QCOMPARE(infoOf(c.host)[kTimeInfoFlags], kTscStable);
        c.machine.setTscOffset(1, 5);
        QCOMPARE(c.woken, (std::vector<unsigned>{0, 1}));
        c.cpu.refresh();
        QCOMPARE(infoOf(c.host)[kTimeInfoFlags], uint8_t{0});
        c.machine.setTscOffset(0, 5);
        c.cpu.refresh();
        QCOMPARE(infoOf(c.host)[kTimeInfoFlags], kTscStable);
        const size_t before = c.host.versions.size();
        c.cpu.refresh(); // nothing new
        QCOMPARE(c.host.versions.size(), before);
    }

    void theWallClockIsTheOneAtTheClocksZero() {
        Cpu c;
        c.machine.setClockNs(2 * kSecond);
        QVERIFY(c.cpu.write(msr::kWallClock, 0x6000));
        QCOMPARE(c.host.load<uint32_t>(0x6000) % 2, 0u);
        QCOMPARE(c.host.load<uint32_t>(0x6004), 1'000'001u);
        QCOMPARE(c.host.load<uint32_t>(0x6008), 123u);
    }

    void reservedBitsAreRefused() {
        Cpu c;
        QVERIFY(!c.cpu.write(msr::kAsyncFault, 0x6010));
        QVERIFY(!c.cpu.write(msr::kStealTime, 0x6003));
        QVERIFY(!c.cpu.write(msr::kEndOfInterrupt, 0x6003));
        QVERIFY(!c.cpu.write(msr::kPollControl, 2));
        QVERIFY(!c.cpu.write(0x4B564D08, 0));
        QVERIFY(!c.cpu.read(0x4B564D08));
        QCOMPARE(c.cpu.read(msr::kPollControl), std::optional<uint64_t>(1));
        QVERIFY(c.cpu.saved().empty());
    }

    // Under KVM a page may be away: who waits for one must go on elsewhere, too.
    void whatKvmHadUnderWayIsOver() {
        Cpu c;
        c.host.memory[0x7004] = 9; // a token that the guest has not taken yet
        c.host.memory[0x8010] = 3; // preempted, TLB flush wanted
        for (const ParavirtualCpu::Entry& entry :
             {ParavirtualCpu::Entry{msr::kAsyncFaultVector, 0xEC},
              {msr::kAsyncFault, 0x7000 | kEnabled | kAsyncFaultByInterrupt},
              {msr::kStealTime, 0x8000 | kEnabled}})
            QVERIFY(c.cpu.restore(entry));
        c.cpu.restored();
        c.cpu.refresh();
        QCOMPARE(c.host.memory[0x8010], uint8_t{0});
        QVERIFY(c.host.interrupts.empty());
        c.host.memory[0x7004] = 0;
        QVERIFY(c.cpu.write(msr::kAsyncFaultDone, 1));
        QCOMPARE(c.host.interrupts, std::vector<uint8_t>{0xEC});
        QCOMPARE(c.host.loadGuest(0x7004), kWakeAll);
        QVERIFY(c.cpu.write(msr::kAsyncFaultDone, 1));
        QCOMPARE(c.host.interrupts.size(), size_t{1});
        QCOMPARE(c.cpu.saved().size(), size_t{3});
    }

    void aGuestReadsTheClock() {
        auto guest = SoftTestGuest::create(kClockGuest);
        QVERIFY(guest);
        QVERIFY((*guest)->run());
        QVERIFY((*guest)->port.writes.take());
        (*guest)->pause();
        const auto info = *(*guest)->memory.view(kInfo, kTimeInfoBytes);
        QCOMPARE(loadLe<uint32_t>(info.data()) % 2, 0u);
        QVERIFY(loadLe<uint32_t>(info.data()) != 0);
        QCOMPARE(info[kTimeInfoFlags], kTscStable);
        const uint64_t now = (*guest)->clock.nowNs();
        QCOMPARE(guestClockNs(info.data(), now), now); // a tick a nanosecond
    }

    // VMCALL and VMMCALL, with what KVM's guests ask: kick (5), inter-processor interrupts (10).
    void hypercalls() {
        // mov eax, 99; vmcall; out dx, eax; mov eax, 5; mov ecx, 0; vmmcall; out; hlt; out: the
        // kick before it lets HLT go on without an interrupt
        const std::vector<uint8_t> code{
            0xBA, 0x00, 0x01,                                     // mov dx, 0x100
            0x66, 0xB8, 0x63, 0x00, 0x00, 0x00,                   // mov eax, 99
            0x0F, 0x01, 0xC1, 0x66, 0xEF,                         // vmcall; out dx, eax
            0x66, 0xB8, 0x05, 0x00, 0x00, 0x00, 0x66, 0x31,       // mov eax, 5; xor ecx, ecx
            0xC9, 0x0F, 0x01, 0xD9, 0x66, 0xEF,                   // vmmcall; out dx, eax
            0xF4, 0xB0, 0x77, 0xEE,                               // hlt; mov al, 0x77; out dx, al
            0x66, 0xB8, 0x0A, 0x00, 0x00, 0x00,                   // mov eax, 10
            0x66, 0x31, 0xD2, 0x66, 0xBB, 0x07, 0,    0,    0,    // xor edx, edx; mov ebx, 7
            0x66, 0xBE, 0x40, 0,    0,    0,    0x0F, 0x01, 0xC1, // mov esi, 0x40; vmcall
            0xBA, 0x00, 0x01, 0x66, 0xEF, 0xF4};                  // mov dx, 0x100; out dx, eax; hlt
        auto guest = SoftTestGuest::create(code, 2);
        QVERIFY(guest);
        QVERIFY((*guest)->run());
        QCOMPARE((*guest)->port.writes.take(),
                 (AccessRecord{0, 4, static_cast<uint32_t>(-kNoSuchCall)}));
        QCOMPARE((*guest)->port.writes.take(), (AccessRecord{0, 4, 0}));
        QCOMPARE((*guest)->port.writes.take(), (AccessRecord{0, 1, 0x77}));
        QCOMPARE((*guest)->port.writes.take(), (AccessRecord{0, 4, 2})); // ids 0 and 1; 2 is nobody
    }

    // The clock goes on in both directions, whatever rates the time stamps have.
    void theClockMovesBetweenKvmAndSoftware() {
        if (const std::string obstacle = kvmObstacle(); !obstacle.empty())
            QSKIP(obstacle.c_str());
        auto software = SoftTestGuest::create(kClockGuest);
        QVERIFY(software);
        QVERIFY((*software)->run());
        QVERIFY((*software)->port.writes.take());
        (*software)->pause();
        StateWriter writer;
        QVERIFY((*software)->vcpus->save(writer));
        const uint64_t softwareNs = (*software)->clock.nowNs();

        auto kvm = TestGuest::create(kClockGuest);
        QVERIFY(kvm);
        TestGuest& other = **kvm;
        QVERIFY(other.memory.write(0, *(*software)->memory.view(0, 0x10000)));
        auto bytes = writer.finish();
        auto reader = StateReader::open(bytes);
        QVERIFY(reader);
        auto restored = other.vcpus.restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        const auto before = loadLe<uint32_t>(other.memory.view(kInfo, 4)->data());
        QVERIFY(other.run());
        QVERIFY(other.port.writes.take());
        other.vcpus.pause();
        const auto info = *other.memory.view(kInfo, kTimeInfoBytes);
        QVERIFY(loadLe<uint32_t>(info.data()) != before); // KVM keeps it now
        const auto kvmNs = loadLe<uint64_t>(info.data() + kTimeInfoSystem);
        QVERIFY2(kvmNs >= softwareNs && kvmNs < softwareNs + 60 * kSecond,
                 qPrintable(QString::number(kvmNs)));

        StateWriter back;
        QVERIFY(other.vcpus.save(back));
        auto again = SoftTestGuest::create(kClockGuest);
        QVERIFY(again);
        QVERIFY((*again)->memory.write(0, *other.memory.view(0, 0x10000)));
        bytes = back.finish();
        reader = StateReader::open(bytes);
        QVERIFY(reader);
        restored = (*again)->vcpus->restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        QVERIFY((*again)->run());
        const auto tsc = (*again)->port.writes.take();
        QVERIFY(tsc);
        (*again)->pause();
        const auto last = *(*again)->memory.view(kInfo, kTimeInfoBytes);
        const auto begin = loadLe<uint64_t>(last.data() + kTimeInfoSystem);
        QVERIFY2(begin >= kvmNs && begin < kvmNs + 60 * kSecond,
                 qPrintable(QString::number(begin)));
        // The time stamp counts at KVM's rate, and the clock says so.
        auto low = static_cast<uint32_t>(tsc->value);
        const auto stamp = loadLe<uint64_t>(last.data() + kTimeInfoTsc);
        const uint64_t now = stamp + (low - static_cast<uint32_t>(stamp));
        const uint64_t clock = guestClockNs(last.data(), now);
        QVERIFY2(clock >= begin && clock < begin + kSecond, qPrintable(QString::number(clock)));
    }
};

VIVARIUM_TEST(ParavirtualTest)
#include "paravirtual_test.moc"
