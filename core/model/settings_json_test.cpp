#include "core/model/settings_json.h"

#include "core/model/setting_names.h"
#include "tests/support/test_main.h"

#include <QJsonDocument>
#include <QTest>

namespace vivarium::test {

class SettingsJsonTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyFieldSurvives() {
        MachineSettings settings;
        settings.name = QStringLiteral("a \"name\" 🐟");
        settings.guestType = QStringLiteral("debian");
        settings.memoryMiB = 2u << 20;
        settings.cpuCount = 7;
        settings.firmware = Firmware::Uefi;
        settings.accelerator = Accelerator::Software;
        settings.bootOrder = {BootDevice::HardDisk};
        settings.rtcLocalTime = true;
        settings.hpet = false;
        settings.bootMenu = true;
        settings.directBoot = {QStringLiteral("/k"),
                               QStringLiteral("/i"),
                               QStringLiteral("c"),
                               {QStringLiteral("/m1"), QStringLiteral("/m2")}};
        settings.videoMemoryMiB = 64;
        settings.vnc = {true, QStringLiteral("unix:/x"), 5901, QStringLiteral("pw")};
        settings.drives = {{DriveType::HardDisk, 1, QStringLiteral("/d"), true},
                           {DriveType::Optical, 2, {}, false}};
        settings.networkCards = {{2, *MacAddress::parse("52:54:00:12:34:56")}};
        settings.serialPorts = {{3, SerialMode::File, QStringLiteral("/s")}};
        settings.closeAction = CloseAction::PowerOff;
        settings.scaleMode = ScaleMode::Integer;
        settings.exitDevice = true;

        const auto bytes = QJsonDocument(toJson(settings)).toJson();
        const auto read = machineSettingsFromJson(QJsonDocument::fromJson(bytes).object());

        QVERIFY(read);
        QCOMPARE(*read, settings);
    }

    void emptyObjectGivesDefaults() {
        const auto read = machineSettingsFromJson({});
        QVERIFY(read);
        QCOMPARE(*read, MachineSettings{});
    }

    void emptyListsStayEmpty() {
        MachineSettings settings;
        settings.serialPorts.clear();
        settings.bootOrder.clear();
        const auto read = machineSettingsFromJson(toJson(settings));
        QVERIFY(read);
        QCOMPARE(*read, settings);
    }

    void wrongTypesAreRefusedByName_data() {
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QString>("field");
        QTest::newRow("text for number") << QByteArray(R"({"memoryMiB": "x"})") << u"memoryMiB"_qs;
        QTest::newRow("negative") << QByteArray(R"({"cpuCount": -1})") << u"cpuCount"_qs;
        QTest::newRow("too large") << QByteArray(R"({"cpuCount": 4294967296})") << u"cpuCount"_qs;
        QTest::newRow("fraction") << QByteArray(R"({"cpuCount": 1.5})") << u"cpuCount"_qs;
        QTest::newRow("enum") << QByteArray(R"({"firmware": "coreboot"})") << u"firmware"_qs;
        QTest::newRow("list item")
            << QByteArray(R"({"bootOrder": ["disk", 3]})") << u"bootOrder[1]"_qs;
        QTest::newRow("inner") << QByteArray(R"({"vnc": {"port": true}})") << u"vnc.port"_qs;
        QTest::newRow("object") << QByteArray(R"({"vnc": 3})") << u"vnc"_qs;
        QTest::newRow("drive") << QByteArray(R"({"drives": [{"type": "tape"}]})")
                               << u"drives[0].type"_qs;
        QTest::newRow("MAC address") << QByteArray(R"({"networkCards": [{"macAddress": "52"}]})")
                                     << u"networkCards[0].macAddress"_qs;
        QTest::newRow("drive is no object") << QByteArray(R"({"drives": [7]})") << u"drives[0]"_qs;
    }
    void wrongTypesAreRefusedByName() {
        QFETCH(QByteArray, json);
        QFETCH(QString, field);
        const auto read = machineSettingsFromJson(QJsonDocument::fromJson(json).object());
        QVERIFY(!read);
        QCOMPARE(read.error().code, ErrorCode::Corrupt);
        QVERIFY2(QString::fromStdString(read.error().detail).contains(field),
                 read.error().detail.c_str());
    }

    void namesGoBothWays() {
        for (const QString& name : namesOf<SerialMode>())
            QCOMPARE(nameOf(*valueNamed<SerialMode>(name)), name);
        for (const QString& name : namesOf<MacPolicy>())
            QCOMPARE(nameOf(*valueNamed<MacPolicy>(name)), name);
        QVERIFY(!valueNamed<ScaleMode>(u"FIT"));
    }
};

} // namespace vivarium::test

using vivarium::test::SettingsJsonTest;
VIVARIUM_TEST(SettingsJsonTest)
#include "settings_json_test.moc"
