#include "tests/support/test_main.h"
#include "vmm/base/log.h"
#include "vmm/kvm/kvm_test_guest.h"

#include <QTest>

#include <ctime>

#include <sys/eventfd.h>

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
// ud2
const Code kUndefined{0x0F, 0x0B};
// jmp 0xD000:0x10, where nothing is
const Code kJumpNowhere{0xEA, 0x10, 0x00, 0x00, 0xD0};
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
// push ax; mov al,0x77; out dx,al; mov al,0x20; out 0x20,al; pop ax; iret
const Code kInterruptHandler{0x50, 0xB0, 0x77, 0xEE, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF};
// mov byte [0x3000],1; mov byte [0x5000],1; mov dx,0x100; out dx,al; 1: hlt; jmp 1b
const Code kDirtyPages{0xC6, 0x06, 0x00, 0x30, 0x01, 0xC6, 0x06, 0x00, 0x50,
                       0x01, 0xBA, 0x00, 0x01, 0xEE, 0xF4, 0xEB, 0xFD};
// mov dx,0x200; mov ax,7; out dx,ax; mov dx,0x100; out dx,al; 1: hlt; jmp 1b
const Code kDoorbell{0xBA, 0x00, 0x02, 0xB8, 0x07, 0x00, 0xEF,
                     0xBA, 0x00, 0x01, 0xEE, 0xF4, 0xEB, 0xFD};

// 32-bit: enables the local APIC, sends INIT and a start-up IPI for 0x8000 to all others; 1: hlt;
// jmp 1b
const Code kStartOthers{0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0x00, 0x00, 0xC7,
                        0x05, 0x00, 0x03, 0xE0, 0xFE, 0x00, 0x45, 0x0C, 0x00, 0xC7, 0x05,
                        0x00, 0x03, 0xE0, 0xFE, 0x08, 0x46, 0x0C, 0x00, 0xF4, 0xEB, 0xFD};
// mov dx,0x100; mov al,0x99; out dx,al; 1: hlt; jmp 1b
const Code kStarted{0xBA, 0x00, 0x01, 0xB0, 0x99, 0xEE, 0xF4, 0xEB, 0xFD};

// Flat 32-bit segments without an interrupt table.
Result<void> enterProtectedMode(Vcpu& vcpu) {
    auto registers = TRY(vcpu.registers());
    registers.cr0 |= 1;
    registers.cs = {0, 0xFFFFFFFF, 8, 0xC09B};
    registers.ds = registers.es = registers.ss = {0, 0xFFFFFFFF, 16, 0xC093};
    registers.idt = {0, 0};
    return vcpu.setRegisters(registers);
}

uint32_t counterOf(const TestGuest& guest) {
    return guest.memory.readObject<uint32_t>(0x2000).value_or(0);
}

} // namespace

// A guest of a few instructions on the host's KVM.
class KvmGuestTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        std::string obstacle = kvmObstacle();
        if (!obstacle.empty())
            QSKIP(obstacle.c_str());
    }

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
        // Protected mode with an empty interrupt table (real mode's table has no limit everywhere).
        QVERIFY(enterProtectedMode(guest->vm->vcpu(0)));
        QVERIFY(guest->run());
        auto event = guest->events.take();
        QVERIFY(event);
        QCOMPARE(event->kind, VcpuEvent::Kind::TripleFault);
        QVERIFY(event->fault);
        guest->vcpus.pause();
        QVERIFY(guest->memory.write(TestGuest::kCode, kEcho));
        QVERIFY(guest->resetToCode());
        guest->vcpus.resume();
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x41}));
    }

    void internalErrorStopsWithAReport() {
        auto guest = start(kJumpNowhere);
        QVERIFY(guest);
        auto event = guest->events.take();
        QVERIFY(event);
        QCOMPARE(event->kind, VcpuEvent::Kind::Failed);
        QVERIFY(event->fault);
        QCOMPARE(event->fault->mode, FaultReport::Mode::Real);
        QCOMPARE(event->fault->linearAddress, uint64_t{0xD0010});
        QVERIFY(event->fault->instructionBytes.empty());
        QVERIFY(event->fault->text().find("real mode") != std::string::npos);
    }

    void faultReportShowsTheInstruction() {
        auto guest = prepare(kEcho);
        QVERIFY(guest);
        auto report = collectFaultReport(guest->vm->vcpu(0), 0, "test", guest->map);
        QCOMPARE(report.linearAddress, TestGuest::kCode);
        QCOMPARE(report.instructionBytes, Code(kEcho.begin(), kEcho.begin() + 15));
    }

    void pauseStopsABusyGuestAndResumeLetsItGoOn() {
        auto guest = start(kCount);
        QVERIFY(guest);
        for (int round = 0; round < 20; ++round) {
            uint32_t before = counterOf(*guest);
            QTRY_VERIFY(counterOf(*guest) != before);
            guest->vcpus.pause();
            uint32_t paused = counterOf(*guest);
            QCOMPARE(counterOf(*guest), paused);
            guest->vcpus.resume();
        }
    }

    void pauseInterruptsAHaltedGuest() {
        auto guest = start(kEcho);
        QVERIFY(guest);
        for (int i = 0; i < 4; ++i)
            QVERIFY(guest->port.writes.take());
        for (int round = 0; round < 20; ++round) {
            guest->vcpus.pause();
            guest->vcpus.resume();
        }
        guest->vcpus.stop();
        QCOMPARE(guest->vcpus.state(), VcpuSet::State::Stopped);
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
        auto before = cpuNs();
        QVERIFY(!guest->port.writes.take(std::chrono::milliseconds(300)));
        QVERIFY2(cpuNs() - before < 60'000'000, "a halted vCPU burns CPU");
    }

    void requestPauseFromAHandlerStopsTheGuestAtTheInstruction() {
        auto guest = prepare(kPortLoop);
        QVERIFY(guest);
        struct Requester {
            VcpuSet* vcpus;
            Mailbox<uint32_t> values;
            uint64_t read(uint64_t, unsigned) { return 0xCAFE; }
            void write(uint64_t, unsigned, uint64_t value) {
                vcpus->requestPause(); // with the device lock held, on the vCPU's thread
                values.put(static_cast<uint32_t>(value));
            }
        } requester{&guest->vcpus, {}};
        guest->portMapping.reset();
        auto mapping = guest->ports.map("requester", 0x100, 4,
                                        ioHandler<&Requester::read, &Requester::write>(&requester));
        QVERIFY(mapping);
        QVERIFY(guest->run());
        for (uint32_t i = 1; i <= 10; ++i) {
            QCOMPARE(requester.values.take(), i);
            guest->vcpus.pause();
            QCOMPARE(requester.values.size(), size_t{0});
            // The instruction after the OUT is the next one.
            QCOMPARE(guest->vm->vcpu(0).registers()->rip, uint64_t{0x100D});
            guest->vcpus.resume();
        }
        guest->vcpus.stop();
    }

    void savedStateGoesOnInAnotherMachine() {
        auto first = start(kPortLoop);
        QVERIFY(first);
        for (uint32_t i = 1; i <= 5; ++i)
            QCOMPARE(first->port.writes.take(), (AccessRecord{0, 4, i}));
        first->vcpus.pause();
        uint32_t last = 5;
        while (first->port.writes.size() > 0)
            last = static_cast<uint32_t>(first->port.writes.take()->value);
        StateWriter writer;
        QVERIFY(first->vcpus.save(writer));
        auto bytes = writer.finish();

        auto second = prepare(kPortLoop);
        QVERIFY(second);
        auto source = first->memory.view(0, 0x10000);
        QVERIFY(second->memory.write(0, *source));
        auto reader = StateReader::open(bytes);
        QVERIFY(reader);
        auto restored = second->vcpus.restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        QCOMPARE(*second->vm->vcpu(0).registers(), *first->vm->vcpu(0).registers());
        QVERIFY(second->run());
        for (uint32_t i = last + 1; i <= last + 5; ++i)
            QCOMPARE(second->port.writes.take(), (AccessRecord{0, 4, i}));
    }

    void damagedStatesAreRefused() {
        auto guest = prepare(kPortLoop, 2);
        QVERIFY(guest);
        StateWriter writer;
        QVERIFY(guest->vcpus.save(writer));
        auto good = writer.finish();
        auto reader = StateReader::open(good);
        QVERIFY(reader);
        QVERIFY(guest->vcpus.restore(*reader));

        auto other = prepare(kPortLoop, 1);
        QVERIFY(other);
        reader = StateReader::open(good);
        QVERIFY(!other->vcpus.restore(*reader)); // another number of processors

        for (auto sizes : {std::pair<size_t, uint32_t>{3, 0}, {4096, 1}, {0, 0xFFFFFFFF}}) {
            StateWriter bad;
            bad.beginSection("vcpu", 1);
            std::vector<uint8_t> block(sizes.first);
            bad.fields(block, block, block, block, block, block, block, block, sizes.second);
            auto badBytes = bad.finish();
            auto badReader = StateReader::open(badBytes);
            QVERIFY(badReader);
            QVERIFY(badReader->enterSection("vcpu", 1));
            QVERIFY(!guest->vm->vcpu(0).restore(*badReader));
        }
    }

    void resetGivesThePowerOnState() {
        auto guest = start(kPortLoop);
        QVERIFY(guest);
        QVERIFY(guest->port.writes.take());
        guest->vcpus.pause();
        QVERIFY(guest->vcpus.reset(VcpuStart::Firmware));
        auto registers = guest->vm->vcpu(0).registers();
        QVERIFY(registers);
        QCOMPARE(registers->cs.base, uint64_t{0xFFFF0000}); // Intel SDM 3A, table 9-1
        QCOMPARE(registers->cs.selector, uint16_t{0xF000});
        QCOMPARE(registers->rip, uint64_t{0xFFF0});
        QCOMPARE(registers->rbx, uint64_t{0});
        QCOMPARE(registers->cr0 & 1, uint64_t{0});
    }

    void secondProcessorWaitsForItsStartup() {
        auto guest = start(kEcho, 4);
        QVERIFY(guest);
        for (int i = 0; i < 4; ++i)
            QVERIFY(guest->port.writes.take());
        guest->vcpus.pause();
        QCOMPARE(guest->events.size(), size_t{0});
        for (unsigned i = 1; i < 4; ++i)
            QCOMPARE(guest->vm->vcpu(i).registers()->rip, uint64_t{0xFFF0});
    }

    void allProcessorsStartAndAreReset() {
        constexpr unsigned kCount = 4;
        auto guest = prepare(kStartOthers, kCount);
        QVERIFY(guest);
        QVERIFY(guest->memory.write(0x8000, kStarted));
        QVERIFY(guest->vcpus.start());
        for (int round = 0; round < 3; ++round) {
            QVERIFY(guest->resetToCode());
            QVERIFY(enterProtectedMode(guest->vm->vcpu(0)));
            guest->vcpus.resume();
            for (unsigned i = 1; i < kCount; ++i)
                QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x99}));
            guest->vcpus.pause();
            QCOMPARE(guest->port.writes.size(), size_t{0});
            for (unsigned i = 1; i < kCount; ++i)
                QCOMPARE(guest->vm->vcpu(i).registers()->cs.base, uint64_t{0x8000});
        }
        // All of them survive a journey through a saved state.
        StateWriter writer;
        QVERIFY(guest->vcpus.save(writer));
        auto bytes = writer.finish();
        QVERIFY(guest->resetToCode());
        auto reader = StateReader::open(bytes);
        QVERIFY(reader);
        auto restored = guest->vcpus.restore(*reader);
        QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
        guest->vcpus.resume();
        guest->vcpus.pause();
        for (unsigned i = 1; i < kCount; ++i)
            QCOMPARE(guest->vm->vcpu(i).registers()->cs.base, uint64_t{0x8000});
        QCOMPARE(guest->events.size(), size_t{0});
    }

    void interruptLineWakesTheGuest() {
        auto guest = prepare(kWaitForInterrupt);
        QVERIFY(guest);
        QVERIFY(guest->memory.write(0x1080, kInterruptHandler));
        QVERIFY(guest->run());
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 1}));
        IrqLine line(guest->vm->interrupts(), 4);
        for (int i = 0; i < 3; ++i) {
            line.pulse();
            QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x77}));
        }
        UniqueFd event(::eventfd(0, EFD_CLOEXEC));
        auto binding = guest->vm->hostEvents()->bindInterrupt(event.get(), 4);
        QVERIFY(binding);
        QCOMPARE(::eventfd_write(event.get(), 1), 0);
        QCOMPARE(guest->port.writes.take(), (AccessRecord{0, 1, 0x77}));
    }

    void doorbellReachesItsEventOnly() {
        auto guest = prepare(kDoorbell);
        QVERIFY(guest);
        UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        auto binding = guest->vm->hostEvents()->bindDoorbell(
            {.space = Doorbell::Space::Port, .address = 0x200, .sizeBytes = 2, .value = 7},
            event.get());
        QVERIFY(binding);
        QVERIFY(guest->run());
        QVERIFY(guest->port.writes.take());
        eventfd_t count = 0;
        QCOMPARE(::eventfd_read(event.get(), &count), 0);
        QCOMPARE(count, eventfd_t{1});
    }

    void dirtyPagesAreFoundOnce() {
        auto guest = prepare(kDirtyPages);
        QVERIFY(guest);
        std::vector<uint64_t> pages;
        QVERIFY(guest->run());
        QVERIFY(guest->port.writes.take());
        // A narrow question must not lose the answer to another.
        QVERIFY(guest->vm->dirtyLog().fetchDirtyPages(0x3000, 0x1000, pages));
        QCOMPARE(pages, std::vector<uint64_t>{1});
        QVERIFY(guest->vm->dirtyLog().fetchDirtyPages(0x4000, 0x4000, pages));
        QCOMPARE(pages, std::vector<uint64_t>{2});
        QVERIFY(!guest->vm->dirtyLog().fetchDirtyPages(0x3000, 0x5000, pages));
        QVERIFY(!guest->vm->dirtyLog().fetchDirtyPages(TestGuest::kWindow, 0x10000, pages));
    }

    void memoryMayChangeUnderARunningGuest() {
        auto guest = start(kCount);
        QVERIFY(guest);
        for (int round = 0; round < 200; ++round) {
            MemoryMap::Batch batch(guest->map);
            guest->lowRam.reset();
            auto mapping = guest->map.map({.name = "low RAM",
                                           .base = 0,
                                           .sizeBytes = round % 2 ? 0x80000u : 0x90000u,
                                           .kind = MemoryKind::Ram,
                                           .host = guest->memory.mapping().data()});
            QVERIFY(mapping);
            guest->lowRam = std::move(*mapping);
        }
        uint32_t before = counterOf(*guest);
        QTRY_VERIFY(counterOf(*guest) != before);
        guest->vcpus.pause();
        QCOMPARE(guest->events.size(), size_t{0});
    }

    void tooManyProcessorsAreRefused() {
        auto system = KvmSystem::open();
        QVERIFY(system);
        auto vm = KvmVm::create(*system, defaultTopology(system->maxVcpus() + 1));
        QVERIFY(!vm);
        QCOMPARE(vm.error().code, ErrorCode::LimitExceeded);
    }

    void otherDescriptorsAreRefused() {
        auto system = KvmSystem::fromDescriptor(UniqueFd(::eventfd(0, EFD_CLOEXEC)));
        QVERIFY(!system);
        QCOMPARE(system.error().code, ErrorCode::InvalidArgument);
    }

    void timerCanBeDisconnectedAndClocksStop() {
        auto guest = prepare(kEcho);
        QVERIFY(guest);
        guest->vm->setPitOutput(Accelerator::PitOutput::Disconnected);
        guest->vm->setPitOutput(Accelerator::PitOutput::Connected);
        guest->vm->pauseClock();
        guest->vm->resumeClock();
        QVERIFY(guest->run());
        QVERIFY(guest->port.writes.take());
    }

private:
    static std::unique_ptr<TestGuest> prepare(const Code& code, uint32_t cpuCount = 1) {
        auto guest = TestGuest::create(code, cpuCount);
        if (!guest) {
            qWarning("%s", guest.error().detail.c_str());
            return nullptr;
        }
        return std::move(*guest);
    }
    static std::unique_ptr<TestGuest> start(const Code& code, uint32_t cpuCount = 1) {
        auto guest = prepare(code, cpuCount);
        if (guest && !guest->run())
            return nullptr;
        return guest;
    }
};

VIVARIUM_TEST(KvmGuestTest)
#include "kvm_guest_test.moc"
