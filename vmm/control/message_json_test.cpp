#include "vmm/control/message_json.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

using namespace vivarium;
using namespace vivarium::control;
using nlohmann::json;

namespace {

// JSON is written with ' for " in this file: moc cannot read raw strings.
std::string text(std::string json) {
    std::replace(json.begin(), json.end(), '\'', '"');
    return json;
}

MachineConfig fullConfig() {
    MachineConfig config;
    config.id = "5f1c2c0e-0000-4000-8000-000000000001";
    config.name = "Übung \"1\"";
    config.memoryBytes = 512 << 20;
    config.cpuCount = 4;
    config.accelerator = AcceleratorChoice::Software;
    config.firmware = {FirmwareKind::Bios, 0, 1, 3000};
    config.kernel = {2, 3, "console=ttyS0", {{4, "module one"}}};
    DriveConfig disk;
    disk.id = "sata0";
    disk.images = {{5, DiskFormat::Raw}};
    disk.serialNumber = "VIV0001";
    disk.bootIndex = 1;
    disk.errorPolicy = DiskErrorPolicy::Stop;
    DriveConfig optical;
    optical.id = "sata1";
    optical.kind = DriveKind::Optical;
    optical.port = 1;
    optical.readOnly = true;
    config.drives = {disk, optical};
    config.serialPorts = {{0, SerialKind::Stream, 6, 6, -1}, {3, SerialKind::Ring, -1, -1, -1}};
    config.networkCards = {{0, "52:54:00:12:34:56"}, {3, "02:00:00:00:00:01"}};
    config.display = {64 << 20, 1920, 1080};
    config.vnc = {7, "secret", true};
    config.rtcOffsetSeconds = -7200;
    config.hpet = false;
    config.exitDevice = true;
    config.listenFd = 8;
    return config;
}
constexpr int kDescriptors = 9;

} // namespace

class MessageJsonTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void configSurvivesTheRoundTrip() {
        const json first = toJson(fullConfig());
        auto parsed = machineConfigFromJson(first, kDescriptors);
        QVERIFY2(parsed, parsed ? "" : parsed.error().detail.c_str());
        QCOMPARE(toJson(*parsed).dump(), first.dump());
        QCOMPARE(first["firmware"]["kind"].get<std::string>(), std::string("bios"));
        QCOMPARE(parsed->drives[1].kind, DriveKind::Optical);
    }

    void configErrorsNameFieldValueAndRange_data() {
        QTest::addColumn<QByteArray>("patch"); // an RFC 6902 patch on fullConfig()
        QTest::addColumn<QByteArray>("field");
        auto row = [](const char* name, const char* path, const char* value, const char* field) {
            QTest::newRow(name) << QByteArray::fromStdString(text("[{'op':'replace','path':'") +
                                                             path + text("','value':") + value +
                                                             "}]")
                                << QByteArray(field);
        };
        row("memory text", "/memoryBytes", "\"1\"", "memoryBytes is \"1\"");
        row("memory zero", "/memoryBytes", "0", "memoryBytes is 0");
        row("memory odd", "/memoryBytes", "1048577", "memoryBytes is 1048577");
        row("memory huge", "/memoryBytes", "18446744073709551615", "memoryBytes");
        row("memory negative", "/memoryBytes", "-1", "memoryBytes is -1");
        row("memory fraction", "/memoryBytes", "1e7", "memoryBytes");
        row("no cpu", "/cpuCount", "0", "cpuCount is 0; it must be an integer in 1..1024");
        row("accelerator", "/accelerator", "\"hvf\"", "accelerator is \"hvf\"");
        row("rom index", "/firmware/romFd", "9", "firmware.romFd is 9");
        row("no rom", "/firmware/romFd", "-1", "firmware.romFd is -1");
        row("firmware kind", "/firmware/kind", "\"coreboot\"", "firmware.kind");
        row("module index", "/kernel/modules/0/fd", "99", "kernel.modules[0].fd is 99");
        row("drive port", "/drives/1/port", "6", "drives[1].port is 6");
        row("same port", "/drives/1/port", "0", "drives[1].port is 0");
        row("same id", "/drives/1/id", "\"sata0\"", "drives[1].id");
        row("empty id", "/drives/1/id", "\"\"", "drives[1].id");
        row("disk without image", "/drives/0/images", "[]", "drives[0].images is empty");
        row("format", "/drives/0/images/0/format", "\"vdi\"", "drives[0].images[0].format");
        row("serial number", "/drives/0/serialNumber", "\"a\\nb\"", "drives[0].serialNumber");
        row("long serial", "/drives/0/serialNumber", "\"123456789012345678901\"",
            "drives[0].serialNumber");
        row("drives object", "/drives", "{}", "drives is {}");
        row("serial port", "/serialPorts/1/port", "0", "serialPorts[1].port is 0");
        row("same card slot", "/networkCards/1/slot", "0", "networkCards[1].slot is 0");
        row("card slot", "/networkCards/1/slot", "4", "networkCards[1].slot is 4");
        row("no address", "/networkCards/0/macAddress", "\"5254\"", "networkCards[0].macAddress");
        row("group's address", "/networkCards/0/macAddress", "\"01:00:5e:00:00:01\"",
            "networkCards[0].macAddress");
        row("video memory", "/display/videoMemoryBytes", "3000000", "display.videoMemoryBytes");
        row("boolean", "/hpet", "1", "hpet is 1; it must be true or false");
        row("display null", "/display", "null", "display");
    }
    void configErrorsNameFieldValueAndRange() {
        QFETCH(QByteArray, patch);
        QFETCH(QByteArray, field);
        const json config = toJson(fullConfig()).patch(json::parse(patch.toStdString()));
        auto parsed = machineConfigFromJson(config, kDescriptors);
        QVERIFY(!parsed);
        QCOMPARE(parsed.error().code, ErrorCode::InvalidArgument);
        QVERIFY2(QByteArray::fromStdString(parsed.error().detail).contains(field),
                 parsed.error().detail.c_str());
    }

    void missingFieldsKeepDefaultsAndUnknownOnesAreIgnored() {
        auto parsed = fromJson<Key>(json{{"keys", {"a"}}, {"future", {1, 2}}});
        QVERIFY(parsed);
        QCOMPARE(parsed->holdMs, 50u);
        QCOMPARE(parsed->action, KeyAction::Press);
    }

    void boundsOfRequests() {
        QVERIFY(!fromJson<Key>(json::object()));
        QVERIFY(!fromJson<Key>(json{{"keys", std::vector<std::string>(17, "a")}}));
        QVERIFY(!fromJson<Key>(json{{"keys", {"a"}}, {"holdMs", 10001}}));
        QVERIFY(!fromJson<Key>(json{{"keys", {5}}}));
        QVERIFY(!fromJson<PointerAbsolute>(json{{"x", 32768}}));
        QVERIFY(!fromJson<PointerRelative>(json{{"buttons", 256}}));
        QVERIFY(!fromJson<TypeText>(json{{"text", std::string(65537, 'a')}}));
        QVERIFY(fromJson<ChangeMedium>(json{{"drive", "sata1"}, {"imageFd", 0}}, 1));
        QVERIFY(!fromJson<ChangeMedium>(json{{"drive", "sata1"}, {"imageFd", 0}}, 0));
        QVERIFY(!fromJson<Configure>(json::object()));
        QVERIFY(!fromJson<Pause>(json::array()));
    }

    void repliesAndEventsSurviveTheRoundTrip() {
        StatusReply status;
        status.state = MachineState::Paused;
        status.reason = StopReason::DiskFull;
        status.detail = "line one\nline two";
        status.pid = 4711;
        status.firstInstructionNs = 1ull << 60;
        status.drives.push_back({"sata0", DriveKind::Disk, "disk.img", false, 1, 2, 3, 4});
        auto again = fromJson<StatusReply>(toJson(status));
        QVERIFY(again);
        QCOMPARE(toJson(*again).dump(), toJson(status).dump());
        Damage damage{9, {{1, 2, 3, 4}, {0, 0, 8192, 8192}}};
        auto damaged = fromJson<Damage>(toJson(damage));
        QVERIFY(damaged);
        QVERIFY(damaged->rectangles == damage.rectangles);
        auto exiting = fromJson<Exiting>(toJson(Exiting{StopReason::GuestExit, 255, ""}));
        QVERIFY(exiting);
        QCOMPARE(exiting->guestExitValue, 255);
        QCOMPARE(exiting->reason, StopReason::GuestExit);
    }

    void everyStateHasAName() {
        for (int i = 0; i <= static_cast<int>(MachineState::Stopping); ++i) {
            const auto state = static_cast<MachineState>(i);
            QCOMPARE(machineStateFromName(machineStateName(state)), std::optional(state));
        }
        for (int i = 0; i <= static_cast<int>(StopReason::Saved); ++i) {
            const auto reason = static_cast<StopReason>(i);
            QCOMPARE(stopReasonFromName(stopReasonName(reason)), std::optional(reason));
        }
        QVERIFY(!machineStateFromName("on fire"));
    }
};
VIVARIUM_TEST(MessageJsonTest)

#include "message_json_test.moc"
