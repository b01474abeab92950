#include "vmm/bus/port_bus.h"

#include "tests/support/test_main.h"
#include "vmm/bus/fake_device.h"

#include <QTest>

#include <atomic>
#include <thread>

using namespace vivarium;
using vivarium::test::FakeDevice;

namespace {

class ByteDevice {
public:
    uint8_t read(uint64_t offset) { return static_cast<uint8_t>(0x10 + offset); }
    void write(uint64_t offset, uint8_t value) {
        log += std::to_string(offset) + "=" + std::to_string(value) + " ";
    }
    std::string log;
};

} // namespace

class PortBusTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void unclaimedPortsReadAllOnes() {
        DeviceLock lock;
        PortBus bus(lock);
        QCOMPARE(bus.read(0x1234, 1), 0xFFu);
        QCOMPARE(bus.read(0x1234, 2), 0xFFFFu);
        QCOMPARE(bus.read(0xFFFF, 4), 0xFFFFFFFFu);
        bus.write(0xFFFF, 4, 0);
    }

    void accessesReachTheDeviceWithOffsets() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice device(lock, 0x10);
        auto mapping = bus.map("device", 0x60, 8, device.handler());
        QVERIFY(mapping);
        QCOMPARE(bus.read(0x60, 4), 0x13121110u);
        QCOMPARE(bus.read(0x67, 1), 0x17u);
        bus.write(0x62, 2, 0xFFFF1234);
        QCOMPARE(device.takeLog(), std::string("r0:4 r7:1 w2:2=4660 "));
    }

    void accessesAcrossABorderAreSplit() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice first(lock, 0x10), second(lock, 0x20);
        auto a = bus.map("first", 0x60, 2, first.handler());
        auto b = bus.map("second", 0x63, 1, second.handler());
        QCOMPARE(bus.read(0x60, 4), 0x20FF1110u);
        QCOMPARE(first.takeLog(), std::string("r0:1 r1:1 "));
        QCOMPARE(second.takeLog(), std::string("r0:1 "));
        bus.write(0x61, 4, 0x04030201);
        QCOMPARE(first.takeLog(), std::string("w1:1=1 "));
        QCOMPARE(second.takeLog(), std::string("w0:1=3 "));
        QCOMPARE(bus.read(0x5F, 2), 0x10FFu); // starts where nothing is
    }

    void theLastPortDoesNotWrap() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice first(lock), last(lock, 0x77);
        auto a = bus.map("first", 0, 1, first.handler());
        auto b = bus.map("last", 0xFFFF, 1, last.handler());
        QCOMPARE(bus.read(0xFFFF, 2), 0xFF77u);
        bus.write(0xFFFF, 4, 0x01010101);
        QCOMPARE(first.log, std::string());
    }

    void overlapsAreRefused() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice device(lock);
        auto mapping = bus.map("device", 0x100, 0x10, device.handler());
        for (uint16_t base : {0xF1, 0x100, 0x108, 0x10F})
            QCOMPARE(bus.map("other", base, 0x10, device.handler()).error().code, ErrorCode::Busy);
        QCOMPARE(bus.map("over", 0xF0, 0x100, device.handler()).error().code, ErrorCode::Busy);
        QCOMPARE(bus.map("inside", 0x104, 1, device.handler()).error().code, ErrorCode::Busy);
        QVERIFY(bus.map("below", 0xF0, 0x10, device.handler()));
        QVERIFY(bus.map("above", 0x110, 0x10, device.handler()));
        QCOMPARE(bus.map("none", 0x200, 0, device.handler()).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(bus.map("beyond", 0xFFFF, 2, device.handler()).error().code,
                 ErrorCode::InvalidArgument);
        QVERIFY(bus.map("end", 0xFFFE, 2, device.handler()));
    }

    void mappingsUnmapThemselves() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice device(lock, 1);
        {
            PortMapping outer;
            {
                PortMapping inner = std::move(*bus.map("device", 0x80, 1, device.handler()));
                outer = std::move(inner);
                QVERIFY(!inner.mapped());
            }
            QVERIFY(outer.mapped());
            QCOMPARE(bus.read(0x80, 1), 1u);
            outer = std::move(*bus.map("device", 0x90, 1, device.handler()));
            QCOMPARE(bus.read(0x80, 1), 0xFFu);
            QCOMPARE(bus.read(0x90, 1), 1u);
        }
        QCOMPARE(bus.read(0x90, 1), 0xFFu);
    }

    void handlersRunUnderTheDeviceLock() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice exclusive(lock), free(lock);
        auto a = bus.map("exclusive", 0x80, 1, exclusive.handler());
        auto b = bus.map("free", 0x81, 1, free.handler(IoLocking::LockFree));
        bus.read(0x80, 1);
        bus.read(0x81, 1);
        QVERIFY(exclusive.wasLocked);
        QVERIFY(!free.wasLocked);
        bus.write(0x80, 1, 0);
        bus.write(0x81, 1, 0);
        QVERIFY(exclusive.wasLocked);
        QVERIFY(!free.wasLocked);
    }

    void handlersMayMapAndUnmap() {
        DeviceLock lock;
        PortBus bus(lock);
        struct Mover {
            PortBus& bus;
            PortMapping other{};
            uint64_t read(uint64_t, unsigned) { return 0x42; }
            void write(uint64_t, unsigned, uint64_t value) {
                other.reset();
                other = std::move(*bus.map("moved", static_cast<uint16_t>(value), 1,
                                           ioHandler<&Mover::read, &Mover::write>(this)));
            }
        } mover{bus};
        auto mapping = bus.map("mover", 0x10, 2, ioHandler<&Mover::read, &Mover::write>(&mover));
        bus.write(0x10, 2, 0x300);
        QCOMPARE(bus.read(0x300, 1), 0x42u);
        bus.write(0x10, 2, 0x400);
        QCOMPARE(bus.read(0x300, 1), 0xFFu);
        QCOMPARE(bus.read(0x400, 1), 0x42u);
    }

    void byteHandlersSplitWideAccesses() {
        DeviceLock lock;
        PortBus bus(lock);
        ByteDevice device;
        auto mapping = bus.map("bytes", 0x70, 4,
                               byteIoHandler<&ByteDevice::read, &ByteDevice::write>(&device));
        QCOMPARE(bus.read(0x70, 4), 0x13121110u);
        QCOMPARE(bus.read(0x71, 1), 0x11u);
        bus.write(0x71, 2, 0x0201);
        QCOMPARE(device.log, std::string("1=1 2=2 "));
    }

    void regionsComeAndGoWhileOthersRead() {
        DeviceLock lock;
        PortBus bus(lock);
        FakeDevice device(lock, 0x55);
        std::atomic<bool> done = false;
        std::atomic<int> wrong = 0;
        std::jthread reader([&] {
            while (!done) {
                uint32_t value = bus.read(0x80, 1);
                if (value != 0x55 && value != 0xFF)
                    ++wrong;
            }
        });
        for (int i = 0; i < 500; ++i) {
            auto mapping = bus.map("device", 0x80, 1, device.handler());
            auto other = bus.map("other", static_cast<uint16_t>(0x100 + i), 1, device.handler());
        }
        done = true;
        reader.join();
        QCOMPARE(wrong.load(), 0);
    }
};
VIVARIUM_TEST(PortBusTest)

#include "bus_test.moc"
