#include "vmm/devices/legacy/debug_console.h"
#include "vmm/devices/legacy/exit_device.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

class DebugConsoleTest : public QObject {
    Q_OBJECT

    std::vector<std::string> m_lines;
    DebugConsole::LineSink sink() {
        m_lines.clear();
        return [this](const std::string& line) { m_lines.push_back(line); };
    }

private Q_SLOTS:
    void contract() {
        DeviceContract contract;
        contract.make = [this](DeviceBench& bench) -> std::unique_ptr<Device> {
            return std::move(*DebugConsole::create(bench.ports, sink()));
        };
        contract.ports = {{DebugConsole::kPort, 1}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void collectsLines() {
        DeviceBench bench;
        auto console = std::move(*DebugConsole::create(bench.ports, sink()));
        QCOMPARE(bench.ports.read(0x402, 1), 0xE9u);
        for (char c : std::string_view("SeaBIOS\r\n\nhalf"))
            bench.ports.write(0x402, 1, static_cast<uint8_t>(c));
        QCOMPARE(m_lines, (std::vector<std::string>{"SeaBIOS", ""}));
        bench.locked([&] { console->reset(); });
        QCOMPARE(m_lines.back(), std::string("half"));
    }

    void longLinesAreBroken() {
        DeviceBench bench;
        auto console = std::move(*DebugConsole::create(bench.ports, sink()));
        for (size_t i = 0; i <= DebugConsole::kMaxLineBytes; ++i)
            bench.ports.write(0x402, 1, 'x');
        QCOMPARE(m_lines.size(), size_t(1));
        QCOMPARE(m_lines[0].size(), DebugConsole::kMaxLineBytes);
    }

    void aFloodIsCutOff() {
        DeviceBench bench;
        auto console = std::move(*DebugConsole::create(bench.ports, sink()));
        uint64_t bytes = DebugConsole::kMaxTotalBytes / 512 * 600;
        for (uint64_t i = 0; i < bytes; ++i)
            bench.ports.write(0x402, 1, 'x');
        QVERIFY(m_lines.size() < DebugConsole::kMaxTotalBytes / 512 + 2);
        QVERIFY(m_lines.back().starts_with("[further"));
    }

    void exitDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) -> std::unique_ptr<Device> {
            return std::move(*ExitDevice::create(bench.ports, bench.system));
        };
        contract.ports = {{ExitDevice::kDefaultPort, ExitDevice::kPortCount}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void exitDeviceReportsTheLowByte() {
        DeviceBench bench;
        auto device = std::move(*ExitDevice::create(bench.ports, bench.system, 0x501));
        bench.ports.write(0x501, 1, 0x10);
        bench.ports.write(0x501, 4, 0xABCD1234);
        QCOMPARE(bench.system.exits, (std::vector<unsigned char>{0x10, 0x34}));
        QCOMPARE(ExitDevice::create(bench.ports, bench.system, 0xFFFE).error().code,
                 ErrorCode::InvalidArgument);
    }
};
VIVARIUM_TEST(DebugConsoleTest)

#include "debug_console_test.moc"
