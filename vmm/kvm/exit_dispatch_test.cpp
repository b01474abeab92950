#include "tests/support/test_main.h"
#include "vmm/kvm/exit_dispatch.h"

#include <QTest>

#include <array>

using namespace vivarium;

namespace {
struct Recorder {
    struct Access {
        uint64_t offset;
        unsigned sizeBytes;
        uint64_t value;
        bool operator==(const Access&) const = default;
    };
    std::vector<Access> writes;
    uint64_t next = 0xA1B2C3D4;
    uint64_t read(uint64_t, unsigned) { return next++; }
    void write(uint64_t offset, unsigned sizeBytes, uint64_t value) {
        writes.push_back({offset, sizeBytes, value});
    }
};
} // namespace

class ExitDispatchTest : public QObject {
    Q_OBJECT

private:
    DeviceLock m_lock;
    PortBus m_ports{m_lock};
    MemoryMap m_memory{m_lock};

private Q_SLOTS:
    void portWritesOfAllSizes_data() {
        QTest::addColumn<int>("sizeBytes");
        QTest::addColumn<quint64>("value");
        QTest::newRow("byte") << 1 << quint64{0x11};
        QTest::newRow("word") << 2 << quint64{0x2211};
        QTest::newRow("dword") << 4 << quint64{0x44332211};
    }
    void portWritesOfAllSizes() {
        QFETCH(int, sizeBytes);
        QFETCH(quint64, value);
        Recorder device;
        auto mapping =
            m_ports.map("device", 0x300, 8, ioHandler<&Recorder::read, &Recorder::write>(&device));
        std::array<uint8_t, 8> data{0x11, 0x22, 0x33, 0x44, 0x55};
        VcpuExit exit;
        exit.kind = VcpuExit::Kind::PortIo;
        exit.direction = VcpuExit::Direction::Write;
        exit.port = 0x304;
        exit.sizeBytes = static_cast<uint8_t>(sizeBytes);
        exit.count = 1;
        exit.data = data.data();
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(device.writes.size(), size_t{1});
        QCOMPARE(device.writes[0], (Recorder::Access{4, static_cast<unsigned>(sizeBytes), value}));
    }

    void stringReadFillsEveryElement() {
        Recorder device;
        auto mapping =
            m_ports.map("device", 0x300, 8, ioHandler<&Recorder::read, &Recorder::write>(&device));
        std::array<uint8_t, 8> data{};
        VcpuExit exit;
        exit.kind = VcpuExit::Kind::PortIo;
        exit.port = 0x300;
        exit.sizeBytes = 2;
        exit.count = 3;
        exit.data = data.data();
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(data, (std::array<uint8_t, 8>{0xD4, 0xC3, 0xD5, 0xC3, 0xD6, 0xC3, 0, 0}));
    }

    void unclaimedPortsReadOnes() {
        std::array<uint8_t, 4> data{};
        VcpuExit exit;
        exit.kind = VcpuExit::Kind::PortIo;
        exit.port = 0xFFFF; // the last byte of the space, and beyond
        exit.sizeBytes = 4;
        exit.count = 1;
        exit.data = data.data();
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(data, (std::array<uint8_t, 4>{0xFF, 0xFF, 0xFF, 0xFF}));
    }

    void impossiblePortSizesAreIgnored() {
        std::array<uint8_t, 4> data{1, 2, 3, 4};
        VcpuExit exit;
        exit.kind = VcpuExit::Kind::PortIo;
        exit.port = 0x300;
        exit.sizeBytes = 3;
        exit.count = 1;
        exit.data = data.data();
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(data, (std::array<uint8_t, 4>{1, 2, 3, 4}));
    }

    void memoryAccessesReachDevicesAndRam() {
        Recorder device;
        auto registers =
            m_memory.map({.name = "device",
                          .base = 0xFEC10000,
                          .sizeBytes = 0x1000,
                          .kind = MemoryKind::Mmio,
                          .handler = ioHandler<&Recorder::read, &Recorder::write>(&device)});
        alignas(4096) static std::array<uint8_t, 4096> ram{};
        auto ramMapping = m_memory.map({.name = "ram",
                                        .base = 0x10000,
                                        .sizeBytes = ram.size(),
                                        .kind = MemoryKind::Ram,
                                        .host = ram.data()});
        std::array<uint8_t, 8> data{1, 2, 3, 4, 5, 6, 7, 8};
        VcpuExit exit;
        exit.kind = VcpuExit::Kind::MemoryAccess;
        exit.direction = VcpuExit::Direction::Write;
        exit.address = 0xFEC10008;
        exit.sizeBytes = 8;
        exit.data = data.data();
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(device.writes[0], (Recorder::Access{8, 8, 0x0807060504030201}));

        // An access that trapped while its slot was being replaced is served from memory.
        exit.address = 0x10010;
        exit.sizeBytes = 4;
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(ram[0x10], uint8_t{1});
        QCOMPARE(ram[0x13], uint8_t{4});

        exit.direction = VcpuExit::Direction::Read;
        exit.address = 0x7000'0000;
        exit.sizeBytes = 200; // bounded
        QCOMPARE(handleExit(exit, m_ports, m_memory), ExitAction::Enter);
        QCOMPARE(data, (std::array<uint8_t, 8>{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}));
    }

    void everythingElseBecomesAnAction_data() {
        QTest::addColumn<int>("kind");
        QTest::addColumn<int>("action");
        auto row = [](const char* name, VcpuExit::Kind kind, ExitAction action) {
            QTest::newRow(name) << static_cast<int>(kind) << static_cast<int>(action);
        };
        row("interrupted", VcpuExit::Kind::Interrupted, ExitAction::Enter);
        row("halt", VcpuExit::Kind::Halt, ExitAction::Halted);
        row("triple fault", VcpuExit::Kind::TripleFault, ExitAction::TripleFault);
        row("power off", VcpuExit::Kind::PowerOff, ExitAction::PowerOff);
        row("reset", VcpuExit::Kind::Reset, ExitAction::Reset);
        row("crash", VcpuExit::Kind::GuestCrash, ExitAction::Crashed);
        row("internal error", VcpuExit::Kind::InternalError, ExitAction::Failed);
    }
    void everythingElseBecomesAnAction() {
        QFETCH(int, kind);
        QFETCH(int, action);
        VcpuExit exit;
        exit.kind = static_cast<VcpuExit::Kind>(kind);
        QCOMPARE(static_cast<int>(handleExit(exit, m_ports, m_memory)), action);
    }
};

VIVARIUM_TEST(ExitDispatchTest)
#include "exit_dispatch_test.moc"
