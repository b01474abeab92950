#include "vmm/devices/interrupt/interrupt_chips.h"
#include "vmm/devices/interrupt/saved_layouts.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint64_t kIoApic = IoApic::kDefaultBase;
using Level = InterruptSink::Level;

std::unique_ptr<InterruptChips> makeChips(
    DeviceBench& bench, unsigned cpus, std::function<void(unsigned)> wake = [](unsigned) {}) {
    std::vector<uint32_t> ids;
    for (unsigned i = 0; i < cpus; ++i)
        ids.push_back(i);
    auto chips = InterruptChips::create({bench.lock, bench.ports, bench.memoryMap, bench.timers},
                                        ids, std::move(wake));
    return std::move(*chips);
}

// Goes on by itself, as a real one.
class RunningClock final : public Clock {
public:
    uint64_t nowNs() const override { return now += 100; }
    int64_t wallClockNs() const override { return 0; }
    mutable uint64_t now = 1'000'000'000;
};

// All chips as one device, so that the contract of devices can be checked on them.
class ChipsDevice final : public Device {
public:
    ChipsDevice(DeviceBench& bench, unsigned cpus)
        : m_cpus(cpus), m_chips(makeChips(bench, cpus)) {}
    InterruptChips& chips() { return *m_chips; }

    std::string_view name() const override { return "chips"; }
    void reset() override {
        m_chips->reset();
        for (unsigned i = 0; i < m_cpus; ++i)
            m_chips->resetApic(i);
        m_chips->armTimers();
    }
    void save(StateWriter& writer) const override {
        writer.beginSection(name(), stateVersion());
        const auto states = m_chips->states();
        writer.fields(packPic(states.pics.chips[0], 0), packPic(states.pics.chips[1], 1),
                      packIoApic(states.ioApic), packPit(states.pit, states.owedTicks));
        for (unsigned i = 0; i < m_cpus; ++i) {
            const LocalApic::State apic = m_chips->apicState(i);
            writer.fields(packLocalApic(apic, m_chips->nowNs()), apic.base, apic.tscDeadline,
                          apic.nmiPending, apic.initPending, apic.smiPending, apic.extIntPending,
                          apic.startUpVector.has_value(), apic.startUpVector.value_or(0));
        }
    }
    Result<void> restore(StateReader& reader) override {
        auto result = tryRestore(reader);
        if (!result)
            reset();
        m_chips->armTimers();
        return result;
    }

private:
    Result<void> tryRestore(StateReader& reader) {
        TRY(reader.enterSection(name(), stateVersion()));
        std::vector<uint8_t> pic0, pic1, ioApic, pit;
        TRY(reader.fields(pic0, pic1, ioApic, pit));
        InterruptChips::ChipStates states;
        states.pics.chips[0] = TRY(unpackPic(pic0));
        states.pics.chips[1] = TRY(unpackPic(pic1));
        states.ioApic = TRY(unpackIoApic(ioApic));
        states.pit = TRY(unpackPit(pit));
        states.owedTicks = TRY(unpackOwedTicks(pit));
        m_chips->setStates(states);
        for (unsigned i = 0; i < m_cpus; ++i) {
            LocalApic::State apic;
            std::vector<uint8_t> page;
            bool started = false;
            uint8_t vector = 0;
            TRY(reader.fields(page, apic.base, apic.tscDeadline, apic.nmiPending, apic.initPending,
                              apic.smiPending, apic.extIntPending, started, vector));
            if (started)
                apic.startUpVector = vector;
            TRY(unpackLocalApic(page, m_chips->nowNs(), apic));
            m_chips->setApicState(i, apic, 0);
        }
        return {};
    }

    unsigned m_cpus;
    std::unique_ptr<InterruptChips> m_chips;
};

void enable(InterruptChips& chips, unsigned cpu) {
    chips.writeApic(cpu, 0xF0, 0x1FF); // spurious vector, software enable
}

} // namespace

class InterruptChipsTest : public QObject {
    Q_OBJECT

    static void unmaskPic(DeviceBench& bench, uint8_t base) {
        bench.ports.write(0x20, 1, 0x11);
        bench.ports.write(0x21, 1, base);
        bench.ports.write(0x21, 1, 4);
        bench.ports.write(0x21, 1, 1);
        bench.ports.write(0x21, 1, 0);
    }

private Q_SLOTS:
    void keepsTheDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) -> std::unique_ptr<Device> {
            return std::make_unique<ChipsDevice>(bench, 3);
        };
        contract.ports = {{0x20, 2}, {0xA0, 2}, {0x4D0, 2}, {0x40, 4}, {0x61, 1}};
        contract.memory = {{kIoApic, 0x20}};
        contract.poke = [](DeviceBench&, Device& device, std::mt19937_64& random) {
            InterruptChips& chips = static_cast<ChipsDevice&>(device).chips();
            const auto cpu = static_cast<unsigned>(random() % 3);
            const uint64_t value = interestingValue(random);
            switch (random() % 12) {
            case 0:
                chips.setLine(static_cast<uint32_t>(random() % 26),
                              random() % 2 ? Level::High : Level::Low);
                break;
            case 1:
                chips.sendMessage(0xFEE00000 | (random() & 0xFFFFC), static_cast<uint32_t>(value));
                break;
            case 2:
                chips.acknowledge(cpu);
                break;
            case 3:
                chips.takeEvents(cpu);
                break;
            case 4:
                chips.setApicBase(cpu, LocalApic::kDefaultBase | (random() & 0xD00));
                break;
            case 5:
                chips.writeApicMsr(cpu, static_cast<uint32_t>(0x800 + random() % 0x40), value);
                break;
            case 6:
                chips.setTscDeadline(cpu, value, 0);
                break;
            case 7:
                chips.setTaskPriority(cpu, static_cast<uint8_t>(value));
                break;
            case 8:
                chips.initApic(cpu);
                break;
            default:
                chips.writeApic(cpu, random() % 64 << 4, static_cast<uint32_t>(value));
                break;
            }
        };
        QCOMPARE(checkDeviceContract(contract), QString());
        contract.seed = 7;
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    // Interrupt 0 is the 8259's input 0 and the IOAPIC's input 2.
    void timerReachesBothControllers() {
        DeviceBench bench;
        auto chips = makeChips(bench, 1);
        unmaskPic(bench, 0x20);
        enable(*chips, 0);
        bench.writeMemory(kIoApic, 4, 0x10 + 2 * 2);
        bench.writeMemory(kIoApic + 0x10, 4, 0x55); // edge, physical, to APIC 0
        bench.ports.write(0x43, 1, 0x34);           // channel 0, mode 2
        bench.ports.write(0x40, 1, 0xA9);           // 1193 ticks: a millisecond
        bench.ports.write(0x40, 1, 0x04);
        QVERIFY(!chips->interruptPending(0));
        bench.advance(1'100'000);
        QVERIFY(chips->interruptPending(0));
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>(0x20)); // through LINT0
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>(0x55));
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>());
        // With the HPET in its place it is silent.
        bench.locked([&] { chips->connectPit(false); });
        bench.ports.write(0x20, 1, 0x20);
        chips->writeApic(0, 0xB0, 0);
        bench.advance(5'000'000);
        QVERIFY(!chips->interruptPending(0));
    }

    // A processor that the host lets wait gets every tick all the same, one after the other.
    void ticksThatMergeAreOwed() {
        DeviceBench bench;
        auto chips = makeChips(bench, 2);
        enable(*chips, 0);
        enable(*chips, 1);
        const auto takeAll = [&](unsigned cpu, uint8_t vector) {
            unsigned count = 0;
            while (chips->acknowledge(cpu) == std::optional<uint8_t>(vector)) {
                ++count;
                chips->writeApic(cpu, 0xB0, 0);
                bench.ports.write(0x20, 1, 0x20);
            }
            return count;
        };
        const auto tick = [&](unsigned count) {
            for (unsigned i = 0; i < count; ++i) {
                chips->setLine(0, Level::High);
                chips->setLine(0, Level::Low);
            }
        };
        bench.ports.write(0x21, 1, 0xFF); // nothing through the 8259
        bench.writeMemory(kIoApic, 4, 0x11 + 2 * 2);
        bench.writeMemory(kIoApic + 0x10, 4, 1u << 24); // to APIC 1
        bench.writeMemory(kIoApic, 4, 0x10 + 2 * 2);
        tick(3); // masked: nobody waits for them
        bench.writeMemory(kIoApic + 0x10, 4, 0x55);
        QCOMPARE(takeAll(1, 0x55), 0u);
        tick(5);
        QCOMPARE(chips->states().owedTicks, 4u);
        QVERIFY(!chips->interruptPending(0));
        QCOMPARE(chips->acknowledge(1), std::optional<uint8_t>(0x55));
        QVERIFY(!chips->interruptPending(1)); // one is in service
        chips->writeApic(1, 0xB0, 0);
        QCOMPARE(takeAll(1, 0x55), 4u);
        tick(7);
        bench.writeMemory(kIoApic + 0x10, 4, 0x56); // somebody else's from now on
        QCOMPARE(takeAll(1, 0x55), 1u);
        tick(5000);
        QCOMPARE(takeAll(1, 0x56), 1001u); // an end there is
        bench.writeMemory(kIoApic + 0x10, 4, 0x10056);
        unmaskPic(bench, 0x20);
        tick(6);
        QCOMPARE(takeAll(0, 0x20), 6u);
    }

    void timersThatAreDueFireForWhoReadsTheTime() {
        DeviceBench bench;
        auto chips = makeChips(bench, 1);
        unmaskPic(bench, 0x20);
        bench.ports.write(0x43, 1, 0x34);
        bench.ports.write(0x40, 1, 0xA9); // a millisecond
        bench.ports.write(0x40, 1, 0x04);
        bench.clock.advance(5'500'000); // nobody runs the timers
        QVERIFY(!chips->interruptPending(0));
        chips->runDueTimers();
        unsigned count = 0;
        while (chips->acknowledge(0)) {
            ++count;
            bench.ports.write(0x20, 1, 0x20);
        }
        QCOMPARE(count, 5u);
    }

    // Intel SDM 3A, 11.5.4.1. The clock goes on between two looks at it.
    void deadlinesExpire() {
        DeviceBench bench;
        RunningClock clock;
        TimerQueue timers(clock);
        auto chips = std::move(*InterruptChips::create(
            {bench.lock, bench.ports, bench.memoryMap, timers}, {0}, [](unsigned) {}));
        const auto runExpired = [&] { bench.locked([&] { timers.runExpired(); }); };
        enable(*chips, 0);
        chips->writeApic(0, 0x320, 0x400EC);        // TSC deadline, vector 0xEC
        constexpr uint64_t kOffset = 5'000'000'000; // the time stamp is ahead of the clock
        chips->setTscDeadline(0, clock.nowNs() + kOffset + 1'000'000, kOffset);
        clock.now += 900'000;
        runExpired();
        QVERIFY(!chips->interruptPending(0));
        clock.now += 100'000;
        runExpired();
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>(0xEC));
        QCOMPARE(chips->tscDeadline(0), uint64_t(0));
        chips->writeApic(0, 0xB0, 0);
        chips->setTscDeadline(0, kOffset, kOffset); // long past
        runExpired();
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>(0xEC));
        QVERIFY(!bench.locked([&] { return timers.nextDeadlineNs().has_value(); }));
    }

    // 82093AA, 3.2.4: a level stays until its end is told, and comes again while the line is high.
    void levelsWaitForTheirEnd() {
        DeviceBench bench;
        auto chips = makeChips(bench, 1);
        enable(*chips, 0);
        bench.writeMemory(kIoApic, 4, 0x10 + 2 * 17);
        bench.writeMemory(kIoApic + 0x10, 4, 0x8061); // level, vector 0x61
        chips->setLine(17, Level::High);
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>(0x61));
        QVERIFY(bench.readMemory(kIoApic + 0x10, 4) & 0x4000); // remote IRR
        chips->writeApic(0, 0xB0, 0);
        QCOMPARE(chips->acknowledge(0), std::optional<uint8_t>(0x61));
        chips->setLine(17, Level::Low);
        chips->writeApic(0, 0xB0, 0);
        QVERIFY(!chips->interruptPending(0));
        QVERIFY(!(bench.readMemory(kIoApic + 0x10, 4) & 0x4000));
        // An edge on a masked input is lost; a level comes through when it is unmasked.
        bench.writeMemory(kIoApic + 0x10, 4, 0x18061);
        chips->setLine(17, Level::High);
        QVERIFY(!chips->interruptPending(0));
        bench.writeMemory(kIoApic + 0x10, 4, 0x8061);
        QVERIFY(chips->interruptPending(0));
    }

    void ioApicRegisters() {
        DeviceBench bench;
        auto chips = makeChips(bench, 1);
        bench.writeMemory(kIoApic, 4, 1);
        QCOMPARE(bench.readMemory(kIoApic + 0x10, 4), uint64_t(0x170011));
        bench.writeMemory(kIoApic, 4, 0);
        bench.writeMemory(kIoApic + 0x10, 4, 0xFFFFFFFF);
        QCOMPARE(bench.readMemory(kIoApic + 0x10, 4), uint64_t(0x0F000000));
        bench.writeMemory(kIoApic, 4, 0x11);
        bench.writeMemory(kIoApic + 0x10, 4, 0xFFFFFFFF);
        QCOMPARE(bench.readMemory(kIoApic + 0x10, 4), uint64_t(0xFF000000));
        bench.writeMemory(kIoApic, 4, 0x10);
        QCOMPARE(bench.readMemory(kIoApic + 0x10, 4), uint64_t(0x10000)); // masked at reset
        bench.writeMemory(kIoApic, 4, 0x40);                              // beyond the last input
        QCOMPARE(bench.readMemory(kIoApic + 0x10, 4), uint64_t(0));
    }

    // Intel SDM 3A, 11.6: destinations and shorthands.
    void interprocessorInterrupts() {
        DeviceBench bench;
        std::vector<unsigned> woken(4);
        auto chips = makeChips(bench, 4, [&](unsigned cpu) { ++woken[cpu]; });
        for (unsigned i = 0; i < 4; ++i) {
            enable(*chips, i);
            chips->writeApic(i, 0xE0, 0xFFFFFFFF);     // flat
            chips->writeApic(i, 0xD0, 1u << (24 + i)); // logical id
        }
        const auto who = [&] {
            unsigned mask = 0;
            for (unsigned i = 0; i < 4; ++i)
                if (const auto vector = chips->acknowledge(i)) {
                    mask |= 1u << i;
                    chips->writeApic(i, 0xB0, 0);
                }
            return mask;
        };
        const auto send = [&](unsigned from, uint32_t high, uint32_t low) {
            chips->writeApic(from, 0x310, high);
            chips->writeApic(from, 0x300, low);
        };
        send(0, 2u << 24, 0x4040); // physical
        QCOMPARE(who(), 1u << 2);
        QVERIFY(woken[2] > 0 && woken[3] == 0);
        send(1, 0x0Bu << 24, 0x4840); // logical, three of them
        QCOMPARE(who(), 0xBu);
        send(1, 0xFFu << 24, 0x4040);
        QCOMPARE(who(), 0xFu);
        send(3, 0, 0x44040); // self
        QCOMPARE(who(), 1u << 3);
        send(3, 0, 0x84040); // all
        QCOMPARE(who(), 0xFu);
        send(3, 0, 0xC4040); // all but self
        QCOMPARE(who(), 0x7u);
        send(0, 0x0Fu << 24, 0x4940); // lowest priority: one
        QCOMPARE(qPopulationCount(who()), 1u);
        chips->setTaskPriority(0, 0xF0);
        chips->setTaskPriority(1, 0xF0);
        chips->setTaskPriority(3, 0xF0);
        send(0, 0x0Fu << 24, 0x4940);
        QCOMPARE(who(), 1u << 2);
    }

    void startUpSequence() {
        DeviceBench bench;
        auto chips = makeChips(bench, 2);
        chips->writeApic(0, 0x310, 1u << 24);
        chips->writeApic(0, 0x300, 0x4500); // INIT
        chips->writeApic(0, 0x300, 0x8500); // its de-assert changes nothing
        auto events = chips->takeEvents(1);
        QVERIFY(events.init && !events.startUpVector && !events.nmi);
        chips->initApic(1);
        chips->writeApic(0, 0x300, 0x4609);
        chips->writeApic(0, 0x300, 0x4609);
        events = chips->takeEvents(1);
        QVERIFY(!events.init);
        QCOMPARE(events.startUpVector, std::optional<uint8_t>(9));
        QVERIFY(!chips->hasEvents(1));
        chips->writeApic(0, 0x300, 0xC4400); // NMI to all others
        QVERIFY(!chips->hasEvents(0));
        QVERIFY(chips->takeEvents(1).nmi);
    }

    // 11.11: address and data of a message.
    void messages() {
        DeviceBench bench;
        auto chips = makeChips(bench, 2);
        enable(*chips, 0);
        enable(*chips, 1);
        chips->sendMessage(0xFEE01000, 0x71);
        QVERIFY(!chips->interruptPending(0));
        QCOMPARE(chips->acknowledge(1), std::optional<uint8_t>(0x71));
        chips->sendMessage(0xFEF01000, 0x72); // not the APICs'
        chips->sendMessage(0x1FEE01000, 0x72);
        chips->sendMessage(0xFEE05000, 0x72); // nobody's id
        QVERIFY(!chips->interruptPending(0) && !chips->interruptPending(1));
    }

    // A saved state says the same under KVM: its layouts, and what they cannot hold in bytes that
    // the kernel leaves alone.
    void layoutsSurvivePacking() {
        LocalApic apic(3, LocalApic::Role::Application);
        apic.writeRegister(0xF0, 0x1FF, 1000);
        apic.writeRegister(0x320, 0x20040, 1000);
        apic.writeRegister(0x3E0, 3, 1000); // by 16
        apic.writeRegister(0x380, 1'000'000, 1000);
        LocalApic::State restored;
        restored.base = apic.state().base;
        QVERIFY(unpackLocalApic(packLocalApic(apic.state(), 500'123), 900'000, restored));
        // 499,123 ns of the countdown are over, whatever the clock says now.
        LocalApic copy(3, LocalApic::Role::Application);
        copy.setState(restored);
        QCOMPARE(copy.readRegister(0x390, 900'000), apic.readRegister(0x390, 500'123));
        QVERIFY(!unpackLocalApic(std::vector<uint8_t>(7), 0, restored));
        QVERIFY(!unpackPic(std::vector<uint8_t>(7)));
    }
};

VIVARIUM_TEST(InterruptChipsTest)
#include "interrupt_chips_test.moc"
