#include "tests/support/test_main.h"
#include "vmm/kvm/kvm_test_guest.h"
#include "vmm/kvm/run_gate.h"
#include "vmm/kvm/vcpu_set.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

// A vCPU whose guest is a list of exits and then an endless idle loop. Like KVM, it stays inside
// until it is kicked, and a kick is never lost.
class ScriptedVcpu : public Vcpu {
public:
    VcpuExit run() override {
        std::unique_lock lock(m_mutex);
        ++runs;
        if (m_kicked) {
            m_kicked = false;
            return {};
        }
        if (!m_script.empty()) {
            VcpuExit exit = m_script.front();
            m_script.pop_front();
            return exit;
        }
        m_changed.wait(lock, [this] { return m_kicked || !m_script.empty(); });
        m_kicked = false;
        return {};
    }
    void kick() override {
        std::lock_guard lock(m_mutex);
        m_kicked = true;
        m_changed.notify_all();
    }
    void add(VcpuExit exit) {
        std::lock_guard lock(m_mutex);
        m_script.push_back(std::move(exit));
        m_changed.notify_all();
    }
    bool scriptDone() {
        std::lock_guard lock(m_mutex);
        return m_script.empty();
    }
    Result<VcpuRegisters> registers() override { return m_registers; }
    Result<void> setRegisters(const VcpuRegisters& registers) override {
        m_registers = registers;
        return {};
    }
    std::optional<GuestAddress> translate(uint64_t) override { return std::nullopt; }
    Result<void> reset(VcpuStart) override {
        ++resets;
        m_registers = {};
        return {};
    }
    Result<void> save(StateWriter& writer) override {
        writer.fields(m_registers.rax);
        return {};
    }
    Result<void> restore(StateReader& reader) override { return reader.fields(m_registers.rax); }

    std::atomic<int> runs = 0;
    int resets = 0;

private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<VcpuExit> m_script;
    bool m_kicked = false;
    VcpuRegisters m_registers;
};

class ScriptedAccelerator : public Accelerator, DirectMemoryListener, InterruptSink, DirtyLog {
public:
    explicit ScriptedAccelerator(unsigned count) : vcpus(count) {}
    std::string_view name() const override { return "scripted"; }
    unsigned vcpuCount() const override { return static_cast<unsigned>(vcpus.size()); }
    Vcpu& vcpu(unsigned index) override { return vcpus[index]; }
    DirectMemoryListener& memoryListener() override { return *this; }
    InterruptSink& interrupts() override { return *this; }
    DirtyLog& dirtyLog() override { return *this; }
    HostEvents* hostEvents() override { return nullptr; }
    void setPitOutput(PitOutput) override {}
    void pauseClock() override { clockRuns = false; }
    void resumeClock() override { clockRuns = true; }
    Result<void> reset() override {
        ++resets;
        return {};
    }
    Result<void> save(StateWriter& writer) override {
        writer.fields(uint32_t{7});
        return {};
    }
    Result<void> restore(StateReader& reader) override {
        uint32_t value = 0;
        return reader.fields(value);
    }
    void sectionRemoved(const DirectSection&) override {}
    void sectionAdded(const DirectSection&) override {}
    void setLine(uint32_t, Level) override {}
    void sendMessage(uint64_t, uint32_t) override {}
    bool fetchDirtyPages(GuestAddress, uint64_t, std::vector<uint64_t>&) override { return false; }

    std::deque<ScriptedVcpu> vcpus;
    bool clockRuns = false;
    int resets = 0;
};

VcpuExit exitOf(VcpuExit::Kind kind) {
    VcpuExit exit;
    exit.kind = kind;
    exit.reason = "scripted";
    return exit;
}

struct Fixture {
    explicit Fixture(unsigned count)
        : accelerator(count), set(accelerator, ports, memory,
                                  {.event = [this](const VcpuEvent& event) { events.put(event); },
                                   .threadStart = [this](unsigned) { ++started; }}) {}
    ScriptedAccelerator accelerator;
    DeviceLock lock;
    PortBus ports{lock};
    MemoryMap memory{lock};
    Mailbox<VcpuEvent> events;
    std::atomic<unsigned> started = 0;
    VcpuSet set;
};

} // namespace

class VcpuSetTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void statesFollowTheCalls() {
        Fixture f(4);
        QCOMPARE(f.set.state(), VcpuSet::State::Stopped);
        f.set.resume(); // nothing to resume
        QCOMPARE(f.set.state(), VcpuSet::State::Stopped);
        QVERIFY(f.set.start());
        QVERIFY(!f.set.start());
        QCOMPARE(f.set.state(), VcpuSet::State::Paused);
        QTRY_COMPARE(f.started.load(), 4u);
        for (ScriptedVcpu& vcpu : f.accelerator.vcpus)
            QCOMPARE(vcpu.runs.load(), 0);
        f.set.resume();
        QVERIFY(f.accelerator.clockRuns);
        for (ScriptedVcpu& vcpu : f.accelerator.vcpus)
            QTRY_VERIFY(vcpu.runs.load() > 0);
        f.set.pause();
        QVERIFY(!f.accelerator.clockRuns);
        f.set.stop();
        QCOMPARE(f.set.state(), VcpuSet::State::Stopped);
        QVERIFY(f.set.start()); // and again
        f.set.resume();
        f.set.stop();
    }

    void pauseAndResumeInQuickSuccession() {
        Fixture f(3);
        QVERIFY(f.set.start());
        for (int round = 0; round < 500; ++round) {
            f.set.resume();
            if (round % 3 == 0)
                f.set.requestPause();
            f.set.pause();
            QCOMPARE(f.set.state(), VcpuSet::State::Paused);
        }
    }

    void eventsCarryReportsAndWaitForResume_data() {
        QTest::addColumn<int>("exit");
        QTest::addColumn<int>("event");
        QTest::addColumn<bool>("report");
        auto row = [](const char* name, VcpuExit::Kind exit, VcpuEvent::Kind event, bool report) {
            QTest::newRow(name) << static_cast<int>(exit) << static_cast<int>(event) << report;
        };
        row("triple fault", VcpuExit::Kind::TripleFault, VcpuEvent::Kind::TripleFault, true);
        row("reset", VcpuExit::Kind::Reset, VcpuEvent::Kind::Reset, false);
        row("power off", VcpuExit::Kind::PowerOff, VcpuEvent::Kind::PowerOff, false);
        row("crash", VcpuExit::Kind::GuestCrash, VcpuEvent::Kind::GuestCrash, false);
        row("internal error", VcpuExit::Kind::InternalError, VcpuEvent::Kind::Failed, true);
    }
    void eventsCarryReportsAndWaitForResume() {
        QFETCH(int, exit);
        QFETCH(int, event);
        QFETCH(bool, report);
        Fixture f(2);
        f.accelerator.vcpus[1].add(exitOf(static_cast<VcpuExit::Kind>(exit)));
        f.accelerator.vcpus[1].add(exitOf(VcpuExit::Kind::GuestCrash)); // must not come yet
        QVERIFY(f.set.start());
        f.set.resume();
        auto got = f.events.take();
        QVERIFY(got);
        QCOMPARE(static_cast<int>(got->kind), event);
        QCOMPARE(got->vcpuIndex, 1u);
        QCOMPARE(got->fault.has_value(), report);
        f.set.pause();
        QCOMPARE(f.events.size(), size_t{0});
        f.set.resume();
        got = f.events.take();
        QVERIFY(got);
        QCOMPARE(got->kind, VcpuEvent::Kind::GuestCrash);
    }

    void haltedVcpuWaitsWithoutAnEvent() {
        Fixture f(1);
        f.accelerator.vcpus[0].add(exitOf(VcpuExit::Kind::Halt));
        QVERIFY(f.set.start());
        f.set.resume();
        QTRY_VERIFY(f.accelerator.vcpus[0].scriptDone());
        f.set.pause();
        QVERIFY(f.accelerator.vcpus[0].runs.load() <= 2);
        QCOMPARE(f.events.size(), size_t{0});
    }

    void accessesAreCompletedBeforeAPause() {
        Fixture f(1);
        RecordingDevice device;
        auto mapping =
            f.ports.map("device", 0x100, 4,
                        ioHandler<&RecordingDevice::read, &RecordingDevice::write>(&device));
        QVERIFY(mapping);
        std::array<uint8_t, 4> data{42};
        VcpuExit access = exitOf(VcpuExit::Kind::PortIo);
        access.direction = VcpuExit::Direction::Write;
        access.port = 0x100;
        access.sizeBytes = 1;
        access.count = 1;
        access.data = data.data();
        f.accelerator.vcpus[0].add(access);
        QVERIFY(f.set.start());
        f.set.resume();
        QVERIFY(device.writes.take());
        f.set.pause();
        // The run after the access completed it.
        QVERIFY(f.accelerator.vcpus[0].runs.load() >= 2);
    }

    void resetAndStateNeedQuietVcpus() {
        Fixture f(2);
        QVERIFY(f.set.start());
        f.set.resume();
        StateWriter writer;
        QVERIFY(!f.set.reset(VcpuStart::Firmware));
        QVERIFY(!f.set.save(writer));
        f.set.pause();
        VcpuRegisters boot;
        boot.rax = 5;
        QVERIFY(f.set.reset(VcpuStart::DirectBoot, boot));
        QCOMPARE(f.accelerator.resets, 1);
        QCOMPARE(f.accelerator.vcpus[1].resets, 1);
        QVERIFY(f.set.save(writer));
        auto bytes = writer.finish();
        QVERIFY(f.set.reset(VcpuStart::Firmware));
        QCOMPARE(f.accelerator.vcpus[0].registers()->rax, uint64_t{0});
        auto reader = StateReader::open(bytes);
        QVERIFY(reader);
        QVERIFY(f.set.restore(*reader));
        QCOMPARE(f.accelerator.vcpus[0].registers()->rax, uint64_t{5});
    }
};

class RunGateTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void nobodyIsInsideWhileItIsClosed() {
        constexpr int kThreads = 3;
        RunGate gate;
        std::array<RunGate::Passage, kThreads> passages;
        std::array<std::atomic<bool>, kThreads> kicked{};
        std::atomic<bool> done = false;
        std::atomic<uint64_t> entries = 0;
        for (size_t i = 0; i < kThreads; ++i)
            gate.add(passages[i], [&kicked, i] { kicked[i] = true; });
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < kThreads; ++i)
            threads.emplace_back([&, i] {
                while (!done) {
                    gate.enter(passages[i]);
                    ++entries;
                    while (!kicked[i].exchange(false) && !done)
                        std::this_thread::yield();
                    gate.leave(passages[i]);
                }
            });
        for (int round = 0; round < 300; ++round) {
            gate.close();
            uint64_t before = entries;
            std::this_thread::yield();
            QCOMPARE(entries.load(), before);
            gate.open();
        }
        QTRY_VERIFY(entries.load() > 0);
        done = true;
    }
};

VIVARIUM_TEST(VcpuSetTest)
VIVARIUM_TEST(RunGateTest)
#include "vcpu_set_test.moc"
