#include "tests/integration/engine/guest_code.h"
#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"
#include "vmm/machine/machine.h"

#include <QTest>

#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::test;

namespace {

// Counts in a register: each byte on the serial line is answered with the next number.
Code countingGuest() {
    return {0x31, 0xDB,                   // xor ebx, ebx
            0xBA, 0xFD, 0x03, 0x00, 0x00, // again: mov edx, 0x3FD (line status)
            0xEC, 0xA8, 0x01,             // in al, dx; test al, 1
            0x74, 0xFB,                   // jz to the in
            0xB2, 0xF8, 0xEC,             // mov dl, 0xF8; in al, dx
            0xFE, 0xC3, 0x88, 0xD8,       // inc bl; mov al, bl
            0xEE, 0xEB, 0xEC};            // out dx, al; jmp again
}

constexpr GuestAddress kClockInfo = 0x5000;
constexpr size_t kClockInfoBytes = 32;

// The same after it has asked for KVM's paravirtual clock (MSR_KVM_SYSTEM_TIME_NEW).
Code countingGuestWithClock() {
    Code code{0xB9, 0x01, 0x4D, 0x56, 0x4B, // mov ecx, 0x4B564D01
              0xB8, 0x01, 0x50, 0x00, 0x00, // mov eax, kClockInfo, on
              0x31, 0xD2, 0x0F, 0x30};      // xor edx, edx; wrmsr
    const Code counting = countingGuest();
    code.insert(code.end(), counting.begin(), counting.end());
    return code;
}

// A machine in this process, with its loop run while the test waits for the guest.
class RunningMachine : private Machine::Listener {
public:
    // Goes on from `copy` or begins anew.
    using Accelerator = AcceleratorDecision::Kind;
    explicit RunningMachine(const Code& code, std::optional<MachineCopy> copy = {},
                            Accelerator accelerator = Accelerator::Kvm) {
        m_loop = std::move(*EventLoop::create());
        control::MachineConfig config = kernelConfig();
        config.serialPorts.push_back({});
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(multibootGuest(code));
        auto built =
            Machine::create(config, ConfigDescriptors(std::move(descriptors)), m_accelerators,
                            accelerator, *m_loop, *this, {}, std::move(copy));
        if (!built)
            qFatal("%s", built.error().detail.c_str());
        m_machine = std::move(*built);
        started = m_machine->start(Machine::FirstState::Running);
        auto board = m_machine->board();
        m_serial = std::move(*board->attachSerial(0));
    }

    Machine& machine() { return *m_machine; }
    // What the clock said when it was last written: version, nanoseconds.
    std::pair<uint32_t, uint64_t> clockInfo() {
        const auto info = m_machine->memory().view(kClockInfo, kClockInfoBytes);
        return {loadLe<uint32_t>(info->data()), loadLe<uint64_t>(info->data() + 16)};
    }
    Result<void> started;

    // The machine as it is now; it goes on.
    std::optional<MachineCopy> copy() {
        auto state = m_machine->freeze();
        if (!state)
            return std::nullopt;
        const GuestMemory& memory = m_machine->memory();
        MachineCopy copy{std::move(*GuestMemory::create(memory.sizeBytes())), std::move(*state)};
        std::memcpy(copy.memory.mapping().data(), memory.mapping().data(), memory.sizeBytes());
        m_machine->thaw();
        return copy;
    }

    // The guest's answer to one byte; -1 when none comes.
    int ask() {
        if (::write(m_serial.get(), "?", 1) != 1)
            return -1;
        pollfd answered{m_serial.get(), POLLIN, 0};
        for (int round = 0; round < 1000 && ::poll(&answered, 1, 0) == 0; ++round)
            m_loop->runOnce(20);
        uint8_t number = 0;
        return ::recv(m_serial.get(), &number, 1, MSG_DONTWAIT) == 1 ? number : -1;
    }

private:
    void stateChanged(Machine::State, Machine::Reason, const std::string&) override {}
    void guestReset(ResetCause) override {}
    void mediumEjected(const std::string&) override {}
    void ended(Machine::Reason, int, const std::string&) override {}

    std::unique_ptr<EventLoop> m_loop;
    AcceleratorHost m_accelerators{KvmSystem::open(), NativeReserve::create(1)};
    std::unique_ptr<Machine> m_machine;
    UniqueFd m_serial;
};

} // namespace

// The state of a whole machine with its processors: saved, lived past, and gone back to.
class MachineStateTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
    }

    void aCopyGoesOnFromThatInstruction() {
        RunningMachine guest(countingGuest());
        QVERIFY(guest.started);
        for (int number = 1; number <= 3; ++number)
            QCOMPARE(guest.ask(), number);
        auto first = guest.copy();
        QVERIFY(first);
        for (int number = 4; number <= 6; ++number)
            QCOMPARE(guest.ask(), number);
        auto second = guest.copy();
        QVERIFY(second);
        RunningMachine fromFirst(countingGuest(), std::move(first));
        RunningMachine fromSecond(countingGuest(), std::move(second));
        QVERIFY(fromFirst.started && fromSecond.started);
        QCOMPARE(fromSecond.ask(), 7);
        QCOMPARE(fromFirst.ask(), 4);
        QCOMPARE(guest.ask(), 7);
        QCOMPARE(fromFirst.ask(), 5);
    }

    // With devices, processor and clock, in both directions.
    void aCopyGoesOnUnderTheOtherAccelerator_data() {
        QTest::addColumn<bool>("beginsUnderKvm");
        QTest::newRow("from KVM to software and back") << true;
        QTest::newRow("from software to KVM and back") << false;
    }
    void aCopyGoesOnUnderTheOtherAccelerator() {
        QFETCH(bool, beginsUnderKvm);
        using Accelerator = RunningMachine::Accelerator;
        const auto own = beginsUnderKvm ? Accelerator::Kvm : Accelerator::Software;
        const auto other = beginsUnderKvm ? Accelerator::Software : Accelerator::Kvm;
        RunningMachine first(countingGuestWithClock(), {}, own);
        QVERIFY(first.started);
        QCOMPARE(first.ask(), 1);
        const auto before = first.clockInfo();
        QVERIFY(before.first != 0 && before.first % 2 == 0);
        RunningMachine second(countingGuestWithClock(), first.copy(), other);
        QVERIFY2(second.started, second.started ? "" : second.started.error().detail.c_str());
        QCOMPARE(second.ask(), 2);
        const auto between = second.clockInfo();
        QVERIFY(between.first != before.first); // written anew, for the other time stamp
        QVERIFY(between.second >= before.second);
        RunningMachine third(countingGuestWithClock(), second.copy(), own);
        QVERIFY2(third.started, third.started ? "" : third.started.error().detail.c_str());
        QCOMPARE(third.ask(), 3);
        const auto after = third.clockInfo();
        QVERIFY(after.first != between.first);
        QVERIFY(after.second >= between.second);
        constexpr uint64_t kLongNs = 60'000'000'000;
        QVERIFY(after.second < before.second + kLongNs);
        QCOMPARE(first.ask(), 2);
    }

    void aCopyOfAPausedMachineDoesNotResumeIt() {
        RunningMachine guest(countingGuest());
        QCOMPARE(guest.ask(), 1);
        guest.machine().pause();
        auto copy = guest.copy();
        QVERIFY(copy);
        QCOMPARE(guest.machine().state(), Machine::State::Paused);
        RunningMachine other(countingGuest(), std::move(copy));
        QCOMPARE(other.ask(), 2);
        QVERIFY(guest.machine().resume());
        QCOMPARE(guest.ask(), 2);
    }

    void whatIsFrozenIsNotFrozenTwiceNorReset() {
        RunningMachine guest(countingGuest());
        QVERIFY(guest.machine().freeze());
        QCOMPARE(guest.machine().freeze().error().code, ErrorCode::Busy);
        QVERIFY(!guest.machine().resetByUser());
        guest.machine().thaw();
        QCOMPARE(guest.ask(), 1);
    }

    void aDamagedStateIsRefused() {
        RunningMachine guest(countingGuest());
        auto copy = guest.copy();
        QVERIFY(copy);
        copy->state.at(copy->state.size() / 2) ^= 1;
        RunningMachine other(countingGuest(), std::move(copy));
        QVERIFY(!other.started);
        QCOMPARE(other.started.error().code, ErrorCode::Corrupt);
        QCOMPARE(other.machine().state(), Machine::State::PoweredOff);
    }
};

VIVARIUM_TEST(MachineStateTest)
#include "machine_state_test.moc"
