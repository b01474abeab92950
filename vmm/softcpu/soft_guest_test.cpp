#include "tests/support/test_main.h"
#include "vmm/softcpu/soft_test_guest.h"

#include <QTest>

#include <ctime>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Code = std::vector<uint8_t>;

// mov dx,0x100; mov al,'A'; out dx,al; in al,dx; out dx,al; mov ax,0x1234; out dx,ax;
// in eax,dx; out dx,eax; 1: hlt; jmp 1b
const Code kEcho{0xBA, 0x00, 0x01, 0xB0, 0x41, 0xEE, 0xEC, 0xEE, 0xB8, 0x34,
                 0x12, 0xEF, 0x66, 0xED, 0x66, 0xEF, 0xF4, 0xEB, 0xFD};
// mov dx,0x100; cld; mov si,0x1100; mov cx,5; rep outsb; mov di,0x1200; mov cx,3; rep insw;
// out dx,al; 1: hlt; jmp 1b
const Code kStrings{0xBA, 0x00, 0x01, 0xFC, 0xBE, 0x00, 0x11, 0xB9, 0x05, 0x00, 0xF3, 0x6E,
                    0xBF, 0x00, 0x12, 0xB9, 0x03, 0x00, 0xF3, 0x6D, 0xEE, 0xF4, 0xEB, 0xFD};
// mov ax,0xA000; mov ds,ax; mov byte [0x10],0x5A; mov word [0x20],0x1234;
// mov dword [0x30],0x89ABCDEF; mov al,[0x40]; mov dx,0x100; out dx,al; mov eax,[0x44];
// out dx,eax; 1: hlt; jmp 1b
const Code kMmio{0xB8, 0x00, 0xA0, 0x8E, 0xD8, 0xC6, 0x06, 0x10, 0x00, 0x5A, 0xC7, 0x06, 0x20, 0x00,
                 0x34, 0x12, 0x66, 0xC7, 0x06, 0x30, 0x00, 0xEF, 0xCD, 0xAB, 0x89, 0xA0, 0x40, 0x00,
                 0xBA, 0x00, 0x01, 0xEE, 0x66, 0xA1, 0x44, 0x00, 0x66, 0xEF, 0xF4, 0xEB, 0xFD};
const Code kUndefined{0x0F, 0x0B}; // ud2
// 1: inc dword [0x2000]; jmp 1b
const Code kCount{0x66, 0xFF, 0x06, 0x00, 0x20, 0xEB, 0xF9};
// mov dx,0x100; xor ebx,ebx; 1: inc ebx; mov eax,ebx; out dx,eax; in eax,dx; mov [0x2000],eax; jmp
// 1b
const Code kPortLoop{0xBA, 0x00, 0x01, 0x66, 0x31, 0xDB, 0x66, 0x43, 0x66, 0x89, 0xD8,
                     0x66, 0xEF, 0x66, 0xED, 0x66, 0xA3, 0x00, 0x20, 0xEB, 0xF1};
// Sets up the first PIC at vector 0x20 with line 4 unmasked and vector 0x24 at 0000:1080; out
// dx,al (1); sti; 1: hlt; jmp 1b
const Code kWaitForInterrupt{0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xD0, 0xBC, 0x00, 0x18, 0xC7,
                             0x06, 0x90, 0x00, 0x80, 0x10, 0xC7, 0x06, 0x92, 0x00, 0x00, 0x00,
                             0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x20, 0xE6, 0x21, 0xB0, 0x04, 0xE6,
                             0x21, 0xB0, 0x01, 0xE6, 0x21, 0xB0, 0xEF, 0xE6, 0x21, 0xBA, 0x00,
                             0x01, 0xB0, 0x01, 0xEE, 0xFB, 0xF4, 0xEB, 0xFD};
// The same for line 0, vector 0x20, with the timer at 10 ms first: mov al,0x34; out 0x43,al;
// mov al,0x9C; out 0x40,al; mov al,0x2E; out 0x40,al
const Code kWaitForTimer{
    0xB0, 0x34, 0xE6, 0x43, 0xB0, 0x9C, 0xE6, 0x40, 0xB0, 0x2E, 0xE6, 0x40, 0xFA, 0x31, 0xC0, 0x8E,
    0xD8, 0x8E, 0xD0, 0xBC, 0x00, 0x18, 0xC7, 0x06, 0x80, 0x00, 0x80, 0x10, 0xC7, 0x06, 0x82, 0x00,
    0x00, 0x00, 0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x20, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, 0xB0, 0x01,
    0xE6, 0x21, 0xB0, 0xFE, 0xE6, 0x21, 0xBA, 0x00, 0x01, 0xB0, 0x01, 0xEE, 0xFB, 0xF4, 0xEB, 0xFD};
// push ax; mov al,0x77; out dx,al; mov al,0x20; out 0x20,al; pop ax; iret
const Code kInterruptHandler{0x50, 0xB0, 0x77, 0xEE, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF};
// mov byte [0x3000],1; mov byte [0x5000],1; mov dx,0x100; out dx,al; 1: hlt; jmp 1b
const Code kDirtyPages{0xC6, 0x06, 0x00, 0x30, 0x01, 0xC6, 0x06, 0x00, 0x50,
                       0x01, 0xBA, 0x00, 0x01, 0xEE, 0xF4, 0xEB, 0xFD};
// 32-bit: enables the local APIC, sends INIT and a start-up IPI for 0x8000 to all others; 1: hlt;
// jmp 1b
const Code kStartOthers{0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0x00, 0x00, 0xC7,
                        0x05, 0x00, 0x03, 0xE0, 0xFE, 0x00, 0x45, 0x0C, 0x00, 0xC7, 0x05,
                        0x00, 0x03, 0xE0, 0xFE, 0x08, 0x46, 0x0C, 0x00, 0xF4, 0xEB, 0xFD};
// mov dx,0x100; mov al,0x99; out dx,al; 1: hlt; jmp 1b
const Code kStarted{0xBA, 0x00, 0x01, 0xB0, 0x99, 0xEE, 0xF4, 0xEB, 0xFD};

Result<void> enterProtectedMode(Vcpu& vcpu) {
    auto registers = TRY(vcpu.registers());
    registers.cr0 |= 1;
    registers.cs = {0, 0xFFFFFFFF, 8, 0xC09B};
    registers.ds = registers.es = registers.ss = {0, 0xFFFFFFFF, 16, 0xC093};
    registers.idt = {0, 0};
    return vcpu.setRegisters(registers);
}

uint32_t counterOf(const SoftTestGuest& guest) {
    return guest.memory.readObject<uint32_t>(0x2000).value_or(0);
}

std::unique_ptr<SoftTestGuest> prepare(const Code& code, uint32_t cpus = 1) {
    auto guest = SoftTestGuest::create(code, cpus);
    return guest ? std::move(*guest) : nullptr;
}
std::unique_ptr<SoftTestGuest> start(const Code& code, uint32_t cpus = 1) {
    auto guest = prepare(code, cpus);
    return guest && guest->run() ? std::move(guest) : nullptr;
}

} // namespace

// Guests of a few instructions on software CPUs; what KVM's do (kvm_guest_test.cpp).
class SoftGuestTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void portAccessesReachTheDevice() {
        auto guest = start(kEcho);
        QVERIFY(guest);
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x41}));
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x00}));
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 2, 0x1234}));
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 4, 0x11223300}));
    }

    void stringInstructionsKeepTheirOrder() {
        auto guest = prepare(kStrings);
        QVERIFY(guest);
        const Code text{'h', 'e', 'l', 'l', 'o'};
        QVERIFY(guest->memory.write(0x1100, text));
        QVERIFY(guest->run());
        for (uint8_t letter : text)
            QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, letter}));
        QVERIFY(guest->port.writes.take());
        std::array<uint8_t, 6> read{};
        QVERIFY(guest->memory.read(0x1200, read));
        QCOMPARE(read, (std::array<uint8_t, 6>{0x00, 0x33, 0x00, 0x33, 0x00, 0x33}));
    }

    void memoryAccessesReachTheDevice() {
        auto guest = start(kMmio);
        QVERIFY(guest);
        QCOMPARE(guest->window.writes.take(), (AccessRecord{0x10, 1, 0x5A}));
        QCOMPARE(guest->window.writes.take(), (AccessRecord{0x20, 2, 0x1234}));
        QCOMPARE(guest->window.writes.take(), (AccessRecord{0x30, 4, 0x89ABCDEF}));
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x40}));
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 4, 0x11223344}));
    }

    void tripleFaultIsAnEventAndTheMachineCanBeReset() {
        auto guest = prepare(kUndefined);
        QVERIFY(guest);
        QVERIFY(enterProtectedMode(guest->accelerator->vcpu(0)));
        QVERIFY(guest->run());
        auto event = guest->events.take();
        QVERIFY(event);
        QCOMPARE(event->kind, VcpuEvent::Kind::TripleFault);
        guest->pause();
        QVERIFY(guest->memory.write(SoftTestGuest::kCode, kEcho));
        QVERIFY(guest->resetToCode());
        guest->resume();
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x41}));
    }

    void pauseStopsABusyGuestAndResumeLetsItGoOn() {
        auto guest = start(kCount);
        QVERIFY(guest);
        for (int round = 0; round < 20; ++round) {
            const uint32_t before = counterOf(*guest);
            QTRY_VERIFY(counterOf(*guest) != before);
            guest->pause();
            const uint32_t paused = counterOf(*guest);
            QCOMPARE(counterOf(*guest), paused);
            guest->resume();
        }
    }

    void idleGuestCostsNoCpu() {
        auto guest = start(kEcho);
        QVERIFY(guest);
        for (int i = 0; i < 4; ++i)
            QVERIFY(guest->port.writes.take());
        auto cpuNs = [] {
            timespec now{};
            ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
            return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
        };
        const auto before = cpuNs();
        QVERIFY(!guest->port.writes.take(std::chrono::milliseconds(300)));
        QVERIFY2(cpuNs() - before < 100'000'000, "a halted vCPU burns CPU");
        for (int round = 0; round < 20; ++round) {
            guest->pause();
            guest->resume();
        }
    }

    void interruptsOfDevicesWakeTheGuest() {
        auto guest = prepare(kWaitForInterrupt);
        QVERIFY(guest);
        QVERIFY(guest->memory.write(0x1080, kInterruptHandler));
        QVERIFY(guest->run());
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 1}));
        InterruptSink& sink = guest->accelerator->interrupts();
        for (int i = 0; i < 50; ++i) {
            sink.setLine(4, InterruptSink::Level::High);
            sink.setLine(4, InterruptSink::Level::Low);
            QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x77}));
        }
    }

    void theTimerTicks() {
        auto guest = prepare(kWaitForTimer);
        QVERIFY(guest);
        QVERIFY(guest->memory.write(0x1080, kInterruptHandler));
        QVERIFY(guest->run());
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 1}));
        const uint64_t begun = guest->clock.nowNs();
        for (int i = 0; i < 5; ++i)
            QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x77}));
        QVERIFY(guest->clock.nowNs() - begun >= 35'000'000);
    }

    void writtenPagesAreLogged() {
        auto guest = prepare(kDirtyPages);
        QVERIFY(guest);
        std::vector<uint64_t> pages; // what is mapped anew counts as written
        QVERIFY(guest->accelerator->dirtyLog().fetchDirtyPages(0x2000, 0x4000, pages));
        QVERIFY(guest->run());
        QVERIFY(guest->port.writes.take());
        QVERIFY(guest->accelerator->dirtyLog().fetchDirtyPages(0x2000, 0x4000, pages));
        QCOMPARE(pages.at(0), uint64_t(0b1010));
        QVERIFY(!guest->accelerator->dirtyLog().fetchDirtyPages(0x2000, 0x4000, pages));
    }

    void savedStateGoesOnInAnotherMachine() {
        auto first = start(kPortLoop);
        QVERIFY(first);
        for (uint32_t i = 1; i <= 5; ++i)
            QCOMPARE(first->port.writes.take(), (AccessRecord{0, 4, i}));
        first->pause();
        uint32_t last = 5;
        while (first->port.writes.size() > 0)
            last = static_cast<uint32_t>(first->port.writes.take()->value);
        StateWriter writer;
        QVERIFY(first->vcpus->save(writer));
        const auto bytes = writer.finish();

        auto second = prepare(kPortLoop);
        QVERIFY(second);
        QVERIFY(second->memory.write(0, *first->memory.view(0, 0x10000)));
        auto reader = StateReader::open(bytes);
        QVERIFY(reader);
        const auto restored = second->vcpus->restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        QCOMPARE(*second->accelerator->vcpu(0).registers(),
                 *first->accelerator->vcpu(0).registers());
        QVERIFY(second->run());
        for (uint32_t i = last + 1; i <= last + 5; ++i)
            QCOMPARE(second->port.writes.take(), (AccessRecord{0, 4, i}));
    }

    // One format for both accelerators.
    void statesMoveBetweenKvmAndSoftware() {
        if (const std::string obstacle = kvmObstacle(); !obstacle.empty())
            QSKIP(obstacle.c_str());
        auto software = start(kPortLoop);
        QVERIFY(software);
        for (uint32_t i = 1; i <= 5; ++i)
            QCOMPARE(software->port.writes.take(), (AccessRecord{0, 4, i}));
        software->pause();
        uint32_t last = 5;
        while (software->port.writes.size() > 0)
            last = static_cast<uint32_t>(software->port.writes.take()->value);
        StateWriter writer;
        QVERIFY(software->vcpus->save(writer));

        auto kvm = TestGuest::create(kPortLoop);
        QVERIFY(kvm);
        TestGuest& other = **kvm;
        QVERIFY(other.memory.write(0, *software->memory.view(0, 0x10000)));
        auto bytes = writer.finish();
        auto reader = StateReader::open(bytes);
        QVERIFY(reader);
        auto restored = other.vcpus.restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        QVERIFY(other.run());
        for (uint32_t i = last + 1; i <= last + 5; ++i)
            QCOMPARE(other.port.writes.take(), (AccessRecord{0, 4, i}));
        other.vcpus.pause();
        last += 5;
        while (other.port.writes.size() > 0)
            last = static_cast<uint32_t>(other.port.writes.take()->value);
        StateWriter back;
        QVERIFY(other.vcpus.save(back));

        auto again = prepare(kPortLoop);
        QVERIFY(again);
        QVERIFY(again->memory.write(0, *other.memory.view(0, 0x10000)));
        bytes = back.finish();
        reader = StateReader::open(bytes);
        QVERIFY(reader);
        restored = again->vcpus->restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        QVERIFY(again->run());
        for (uint32_t i = last + 1; i <= last + 5; ++i)
            QCOMPARE(again->port.writes.take(), (AccessRecord{0, 4, i}));
    }

    void damagedStatesAreRefused() {
        auto guest = prepare(kPortLoop, 2);
        QVERIFY(guest);
        StateWriter writer;
        QVERIFY(guest->vcpus->save(writer));
        const auto good = writer.finish();
        auto other = prepare(kPortLoop, 1);
        QVERIFY(other);
        auto reader = StateReader::open(good);
        QVERIFY(!other->vcpus->restore(*reader)); // another number of processors
        for (auto sizes : {std::pair<size_t, uint32_t>{3, 0}, {4096, 1}, {0, 0xFFFFFFFF}}) {
            StateWriter bad;
            bad.beginSection("vcpu", 1);
            const std::vector<uint8_t> block(sizes.first);
            bad.fields(block, block, block, block, block, block, block, block, sizes.second);
            const auto badBytes = bad.finish();
            auto badReader = StateReader::open(badBytes);
            QVERIFY(badReader && badReader->enterSection("vcpu", 1));
            QVERIFY(!guest->accelerator->vcpu(0).restore(*badReader));
        }
    }

    void resetGivesThePowerOnState() {
        auto guest = start(kPortLoop);
        QVERIFY(guest);
        QVERIFY(guest->port.writes.take());
        guest->pause();
        QVERIFY(guest->vcpus->reset(VcpuStart::Firmware));
        const auto registers = guest->accelerator->vcpu(0).registers();
        QVERIFY(registers);
        QCOMPARE(registers->cs.base, uint64_t{0xFFFF0000}); // Intel SDM 3A, table 9-1
        QCOMPARE(registers->cs.selector, uint16_t{0xF000});
        QCOMPARE(registers->rip, uint64_t{0xFFF0});
        QCOMPARE(registers->rbx, uint64_t{0});
    }

    void allProcessorsStartAndAreReset() {
        constexpr unsigned kCount = 4;
        auto guest = prepare(kStartOthers, kCount);
        QVERIFY(guest);
        QVERIFY(guest->memory.write(0x8000, kStarted));
        QVERIFY(guest->vcpus->start());
        for (int round = 0; round < 3; ++round) {
            QVERIFY(guest->resetToCode());
            QVERIFY(enterProtectedMode(guest->accelerator->vcpu(0)));
            guest->resume();
            for (unsigned i = 1; i < kCount; ++i)
                QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x99}));
            guest->pause();
            QCOMPARE(guest->port.writes.size(), size_t{0});
            for (unsigned i = 1; i < kCount; ++i)
                QCOMPARE(guest->accelerator->vcpu(i).registers()->cs.base, uint64_t{0x8000});
        }
    }

    // Memory comes and goes while vCPUs run in it and in the code beside it.
    void memoryChangesUnderTheGuest() {
        auto guest = start(kCount);
        QVERIFY(guest);
        uint8_t* high = guest->memory.mapping().data() + 0xC0000;
        for (int round = 0; round < 50; ++round) {
            const uint32_t before = counterOf(*guest);
            auto mapped = guest->map.map({.name = "high",
                                          .base = 0xC0000,
                                          .sizeBytes = 0x4000,
                                          .kind = MemoryKind::Ram,
                                          .host = high});
            QVERIFY(mapped);
            std::vector<uint64_t> pages;
            guest->accelerator->dirtyLog().fetchDirtyPages(0, 0x10000, pages);
            QTRY_VERIFY(counterOf(*guest) != before);
        }
    }
};

VIVARIUM_TEST(SoftGuestTest)
#include "soft_guest_test.moc"
