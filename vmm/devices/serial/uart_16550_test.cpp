#include "vmm/devices/serial/uart_16550.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint16_t kPort = 0x3F8;
constexpr uint32_t kGsi = 4;

class FakeBackend final : public CharacterBackend {
public:
    void write(ConstByteSpan bytes) override { written.append(bytes.begin(), bytes.end()); }
    void setReceiver(Receiver value) override { receiver = std::move(value); }
    void setReceiveRoom(size_t byteCount) override { room = byteCount; }

    void send(std::string_view text) {
        if (receiver)
            receiver({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    }
    std::string written;
    Receiver receiver;
    size_t room = 0;
};

struct UartBench : DeviceBench {
    FakeBackend backend;
    std::unique_ptr<Uart16550> uart;

    UartBench() {
        uart = std::move(
            *Uart16550::create(ports, interrupts, timers, backend, UartConfig::standard(0)));
    }
    int in(unsigned offset) { return static_cast<int>(ports.read(kPort + offset, 1)); }
    void out(unsigned offset, uint32_t value) { ports.write(kPort + offset, 1, value); }
    void send(std::string_view text) {
        locked([&] { backend.send(text); });
    }
    bool irq() const { return interrupts.level(kGsi); }
    // As drivers leave the part: FIFOs on, OUT2 set.
    void enable(uint32_t interruptEnable, uint32_t fifoControl = 0x01) {
        out(2, fifoControl);
        out(4, 0x0B);
        out(1, interruptEnable);
    }
};

} // namespace

class Uart16550Test : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void contract() {
        FakeBackend backends[8];
        size_t made = 0;
        DeviceContract contract;
        contract.make = [&](DeviceBench& bench) -> std::unique_ptr<Device> {
            return std::move(*Uart16550::create(bench.ports, bench.interrupts, bench.timers,
                                                backends[made++ % 8], UartConfig::standard(0)));
        };
        contract.ports = {{kPort, 8}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void contractWithInput() {
        // The backend is the device's own here, so that the saved device and its copy get the same.
        struct Owned : Device {
            FakeBackend backend;
            std::unique_ptr<Uart16550> uart;
            explicit Owned(DeviceBench& bench)
                : uart(std::move(*Uart16550::create(bench.ports, bench.interrupts, bench.timers,
                                                    backend, UartConfig::standard(0)))) {}
            std::string_view name() const override { return uart->name(); }
            void reset() override { uart->reset(); }
            void save(StateWriter& writer) const override { uart->save(writer); }
            Result<void> restore(StateReader& reader) override { return uart->restore(reader); }
        };
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) { return std::make_unique<Owned>(bench); };
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            auto& backend = static_cast<Owned&>(device).backend;
            bench.locked([&] {
                // Well-behaved mostly; more than fits now and then.
                size_t count = random() % 8 ? std::min<size_t>(backend.room, random() % 17) : 40;
                backend.send(std::string(count, static_cast<char>(random())));
            });
        };
        contract.ports = {{kPort, 8}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void powerOnValues() {
        UartBench bench;
        QCOMPARE(bench.in(1), 0x00);
        QCOMPARE(bench.in(2), 0x01);
        QCOMPARE(bench.in(3), 0x00);
        QCOMPARE(bench.in(4), 0x00);
        QCOMPARE(bench.in(5), 0x60);
        QCOMPARE(bench.in(6), 0xB0);
        QVERIFY(!bench.irq());
        QCOMPARE(bench.backend.room, size_t(1));
    }

    void standardPorts() {
        QCOMPARE(UartConfig::standard(1).port, uint16_t(0x2F8));
        QCOMPARE(UartConfig::standard(1).gsi, 3u);
        QCOMPARE(UartConfig::standard(2).port, uint16_t(0x3E8));
        QCOMPARE(UartConfig::standard(3).name, std::string("com4"));
    }

    void secondDeviceOnThePortsIsRefused() {
        UartBench bench;
        FakeBackend other;
        QCOMPARE(Uart16550::create(bench.ports, bench.interrupts, bench.timers, other,
                                   UartConfig::standard(0))
                     .error()
                     .code,
                 ErrorCode::Busy);
    }

    void divisorLatchHidesDataAndEnable() {
        UartBench bench;
        bench.out(3, 0x83);
        bench.out(0, 0x01);
        bench.out(1, 0x02);
        QCOMPARE(bench.in(0), 0x01);
        QCOMPARE(bench.in(1), 0x02);
        bench.out(3, 0x03);
        QCOMPARE(bench.in(1), 0x00);
        QCOMPARE(bench.backend.written, std::string());
        bench.ports.write(kPort, 2, 0x0A00 | 'x'); // two byte registers
        QCOMPARE(bench.backend.written, std::string("x"));
        QCOMPARE(bench.in(1), 0x0A);
    }

    void scratchHoldsAByte() {
        UartBench bench;
        bench.out(7, 0x5A);
        QCOMPARE(bench.in(7), 0x5A);
        bench.locked([&] { bench.uart->reset(); });
        QCOMPARE(bench.in(7), 0x00);
    }

    void writesLeaveAtOnce() {
        UartBench bench;
        for (char c : std::string_view("hello"))
            bench.out(0, static_cast<uint8_t>(c));
        QCOMPARE(bench.backend.written, std::string("hello"));
        QCOMPARE(bench.in(5), 0x60);
    }

    void transmitInterruptForEveryWrite() {
        UartBench bench;
        bench.enable(0x02);
        QVERIFY(bench.irq()); // enabling it on an empty transmitter raises it
        QCOMPARE(bench.in(2), 0xC2);
        QVERIFY(!bench.irq()); // reading the cause acknowledges it
        QCOMPARE(bench.in(2), 0xC1);
        bench.interrupts.takeEdges(kGsi);
        bench.out(0, 'a');
        bench.out(0, 'b');
        QCOMPARE(bench.interrupts.takeEdges(kGsi), 2u);
        bench.out(1, 0x02); // was enabled already: no new cause
        QCOMPARE(bench.in(2), 0xC2);
        bench.out(1, 0x02);
        QCOMPARE(bench.in(2), 0xC1);
        bench.out(1, 0x00);
        bench.out(1, 0x02);
        QCOMPARE(bench.in(2), 0xC2);
    }

    void readingAnotherCauseKeepsTheTransmitInterrupt() {
        UartBench bench;
        bench.enable(0x03);
        bench.send("x");
        QCOMPARE(bench.in(2), 0xC4);
        QCOMPARE(bench.in(2), 0xC4);
        QCOMPARE(bench.in(0), int('x'));
        QCOMPARE(bench.in(2), 0xC2);
    }

    void out2GatesTheInterrupt() {
        UartBench bench;
        bench.out(1, 0x01);
        bench.send("x");
        QCOMPARE(bench.in(2), 0x04);
        QVERIFY(!bench.irq());
        bench.out(4, 0x08);
        QVERIFY(bench.irq());
    }

    void withoutFifoOneByteFits() {
        UartBench bench;
        bench.send("a");
        QCOMPARE(bench.backend.room, size_t(0));
        QCOMPARE(bench.in(5), 0x61);
        QCOMPARE(bench.in(0), int('a'));
        QCOMPARE(bench.in(5), 0x60);
        QCOMPARE(bench.in(0), int('a'));
        QCOMPARE(bench.backend.room, size_t(1));
    }

    void overrunWithAndWithoutFifo() {
        UartBench bench;
        bench.enable(0x04, 0x00);
        bench.send("ab");
        QVERIFY(bench.irq());
        QCOMPARE(bench.in(2), 0x06);
        QCOMPARE(bench.in(5), 0x63);
        QVERIFY(!bench.irq());
        QCOMPARE(bench.in(5), 0x61);
        QCOMPARE(bench.in(0), int('b')); // the new one replaced the old
        bench.out(2, 0x01);
        bench.send("0123456789abcdefX");
        QCOMPARE(bench.in(5), 0x63);
        QCOMPARE(bench.in(0), int('0')); // the new one was lost
    }

    void triggerLevels_data() {
        QTest::addColumn<uint>("fifoControl");
        QTest::addColumn<int>("level");
        QTest::newRow("1") << 0x01u << 1;
        QTest::newRow("4") << 0x41u << 4;
        QTest::newRow("8") << 0x81u << 8;
        QTest::newRow("14") << 0xC1u << 14;
    }
    void triggerLevels() {
        QFETCH(uint, fifoControl);
        QFETCH(int, level);
        UartBench bench;
        bench.enable(0x01, fifoControl);
        for (int i = 1; i < level; ++i)
            bench.send("x");
        QVERIFY(!bench.irq());
        bench.send("y");
        QVERIFY(bench.irq());
        QCOMPARE(bench.in(2), 0xC4);
        QCOMPARE(bench.in(0), level > 1 ? int('x') : int('y'));
        QVERIFY(!bench.irq());
    }

    void timeoutAfterFourCharacters() {
        UartBench bench;
        bench.out(3, 0x83);
        bench.out(0, 1); // 115200 8N1: 10 bits a character
        bench.out(1, 0);
        bench.out(3, 0x03);
        bench.enable(0x01, 0xC1);
        bench.send("abc");
        bench.advance(347'000);
        QVERIFY(!bench.irq());
        bench.advance(1'000);
        QVERIFY(bench.irq());
        QCOMPARE(bench.in(2), 0xCC);
        QCOMPARE(bench.in(0), int('a'));
        QVERIFY(!bench.irq()); // a read starts it anew
        bench.advance(348'000);
        QCOMPARE(bench.in(2), 0xCC);
        bench.in(0);
        bench.in(0);
        bench.advance(1'000'000);
        QVERIFY(!bench.irq());
        QVERIFY(!bench.timers.nextDeadlineNs());
    }

    void timeoutNeedsNoTimerWithoutItsInterrupt() {
        UartBench bench;
        bench.enable(0x00, 0xC1);
        bench.send("abc");
        QVERIFY(!bench.timers.nextDeadlineNs());
        bench.out(1, 0x01);
        QVERIFY(bench.timers.nextDeadlineNs().has_value());
    }

    void fifoIsClearedOnRequestAndOnSwitching() {
        UartBench bench;
        bench.out(2, 0x01);
        bench.send("abc");
        bench.out(2, 0x03);
        QCOMPARE(bench.in(5), 0x60);
        bench.send("abc");
        bench.out(2, 0x00);
        QCOMPARE(bench.in(5), 0x60);
        QCOMPARE(bench.in(2), 0x01);
    }

    void roomFollowsTheFifo() {
        UartBench bench;
        bench.out(2, 0x01);
        QCOMPARE(bench.backend.room, size_t(16));
        bench.send("12345678");
        QCOMPARE(bench.backend.room, size_t(8));
        bench.send("9");
        QCOMPARE(bench.backend.room, size_t(0));
        bench.in(0);
        QCOMPARE(bench.backend.room, size_t(8));
    }

    void loopbackData() {
        UartBench bench;
        bench.out(4, 0x10);
        QCOMPARE(bench.backend.room, size_t(0));
        bench.out(0, 0x77);
        QCOMPARE(bench.backend.written, std::string());
        QCOMPARE(bench.in(5), 0x61);
        QCOMPARE(bench.in(0), 0x77);
        bench.out(4, 0x00);
        QCOMPARE(bench.backend.room, size_t(1));
    }

    void loopbackModemLines() {
        UartBench bench;
        bench.in(6);
        bench.out(4, 0x10);
        QCOMPARE(bench.in(6), 0x0B); // CTS, DSR and DCD fell
        QCOMPARE(bench.in(6), 0x00);
        bench.out(4, 0x1A); // RTS and OUT2: what drivers probe with
        QCOMPARE(bench.in(6) & 0xF0, 0x90);
        bench.out(4, 0x14); // RI rises: not reported
        QCOMPARE(bench.in(6), 0x40 | 0x09);
        bench.out(4, 0x10); // RI falls: its trailing edge is
        QCOMPARE(bench.in(6), 0x04);
        bench.out(4, 0x00);
        QCOMPARE(bench.in(6), 0xBB);
    }

    void modemStatusInterrupt() {
        UartBench bench;
        bench.out(1, 0x08);
        bench.out(4, 0x18);
        QVERIFY(bench.irq());
        QCOMPARE(bench.in(2), 0x00);
        bench.in(6);
        QVERIFY(!bench.irq());
        QCOMPARE(bench.in(2), 0x01);
    }

    void causesInOrderOfPriority() {
        UartBench bench;
        bench.enable(0x0F, 0x00);
        bench.out(4, 0x1A); // DSR falls
        bench.out(0, 1);
        bench.out(0, 2); // overruns
        QCOMPARE(bench.in(2), 0x06);
        bench.in(5);
        QCOMPARE(bench.in(2), 0x04);
        bench.in(0);
        QCOMPARE(bench.in(2), 0x02);
        QCOMPARE(bench.in(2), 0x00);
        bench.in(6);
        QCOMPARE(bench.in(2), 0x01);
        QVERIFY(!bench.irq());
    }

    void destroyedDeviceLeavesTheBackend() {
        UartBench bench;
        bench.uart.reset();
        QVERIFY(!bench.backend.receiver);
        QCOMPARE(bench.in(5), 0xFF);
    }
};
VIVARIUM_TEST(Uart16550Test)

#include "uart_16550_test.moc"
