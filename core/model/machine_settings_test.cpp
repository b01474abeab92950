#include "core/model/machine.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <functional>

namespace vivarium::test {

using Change = std::function<void(Machine&)>;
using Kind = SettingsProblem::Kind;

} // namespace vivarium::test

Q_DECLARE_METATYPE(vivarium::test::Change)

namespace vivarium::test {

class MachineSettingsTest : public QObject {
    Q_OBJECT

    static Machine valid() {
        Machine machine;
        machine.settings.name = QStringLiteral("debian");
        return machine;
    }

private Q_SLOTS:
    void defaultsAreValid() { QVERIFY(validate(valid()).isEmpty()); }

    void goodNames_data() {
        QTest::addColumn<QString>("name");
        QTest::newRow("spaces") << QStringLiteral("My first machine");
        QTest::newRow("quotes") << QStringLiteral("it's \"quoted\"");
        QTest::newRow("emoji") << QString::fromUtf8("🐟 👨‍👩‍👧 fish");
        QTest::newRow("arabic") << QString::fromUtf8("آلة");
        QTest::newRow("longest") << QString(255, u'x');
        QTest::newRow("hidden") << QStringLiteral(".hidden");
    }
    void goodNames() {
        QFETCH(QString, name);
        Machine machine = valid();
        machine.settings.name = name;
        QVERIFY(validate(machine).isEmpty());
    }

    void badValuesAreNamed_data() {
        QTest::addColumn<Change>("change");
        QTest::addColumn<QString>("field");
        QTest::addColumn<int>("kind");
        QTest::addColumn<QString>("words"); // what the sentence must contain
        const auto row = [](const char* name, Change change, const char* field, Kind kind,
                            const char* words) {
            QTest::newRow(name) << change << QString::fromLatin1(field) << static_cast<int>(kind)
                                << QString::fromUtf8(words);
        };
        const auto named = [](QString name) {
            return Change([name](Machine& m) { m.settings.name = name; });
        };
        row("empty name", named({}), "name", Kind::Empty, "1 to 255");
        row("blank name", named(u"   "_qs), "name", Kind::Empty, "1 to 255");
        row("slash", named(u"a/b"_qs), "name", Kind::BadCharacter, "a/b");
        row("newline", named(u"a\nb"_qs), "name", Kind::BadCharacter, "line break");
        row("escape", named(u"a\x1b[31m"_qs), "name", Kind::BadCharacter, "cannot be shown");
        row("override", named(u"a\u202eb"_qs), "name", Kind::BadCharacter, "cannot be shown");
        row("surrogate", named(QString(QChar(0xd800))), "name", Kind::BadCharacter,
            "cannot be shown");
        row("dots", named(u".."_qs), "name", Kind::BadCharacter, "folder");
        row("space at end", named(u"a "_qs), "name", Kind::BadCharacter, "space");
        row("10,000 characters", named(QString(10000, u'x')), "name", Kind::TooLong, "10000 bytes");
        row("64 emoji", named(QString::fromUtf8("🐟").repeated(64)), "name", Kind::TooLong,
            "256 bytes");
        row(
            "no memory", [](Machine& m) { m.settings.memoryMiB = 3; }, "memoryMiB",
            Kind::OutOfRange, "is 3 MiB; it must be from 4 to 2097152 MiB");
        row(
            "no CPU", [](Machine& m) { m.settings.cpuCount = 0; }, "cpuCount", Kind::OutOfRange,
            "is 0; it must be from 1 to 240");
        row(
            "241 CPUs", [](Machine& m) { m.settings.cpuCount = 241; }, "cpuCount", Kind::OutOfRange,
            "241");
        row(
            "video 3", [](Machine& m) { m.settings.videoMemoryMiB = 3; }, "videoMemoryMiB",
            Kind::OutOfRange, "power of two");
        row(
            "video 512", [](Machine& m) { m.settings.videoMemoryMiB = 512; }, "videoMemoryMiB",
            Kind::OutOfRange, "256");
        row(
            "boot twice",
            [](Machine& m) {
                m.settings.bootOrder = {BootDevice::Optical, BootDevice::Optical};
            },
            "bootOrder", Kind::Duplicate, "optical");
        row(
            "initrd alone", [](Machine& m) { m.settings.directBoot.initrdPath = u"/i"_qs; },
            "directBoot.kernelPath", Kind::Empty, "kernel");
        row(
            "long command line",
            [](Machine& m) {
                m.settings.directBoot.kernelPath = u"/k"_qs;
                m.settings.directBoot.commandLine = QString(2048, u'x');
            },
            "directBoot.commandLine", Kind::TooLong, "2048");
        row(
            "VNC port", [](Machine& m) { m.settings.vnc.port = 70000; }, "vnc.port",
            Kind::OutOfRange, "70000");
        row(
            "VNC password", [](Machine& m) { m.settings.vnc.password = u"123456789"_qs; },
            "vnc.password", Kind::TooLong, "at most 8");
        row(
            "VNC host name", [](Machine& m) { m.settings.vnc.address = u"example"_qs; },
            "vnc.address", Kind::BadCharacter, "example");
        row(
            "VNC socket", [](Machine& m) { m.settings.vnc.address = u"unix:rel"_qs; },
            "vnc.address", Kind::OutOfRange, "unix:rel");
        row(
            "disk without file",
            [](Machine& m) {
                m.settings.drives = {{DriveType::HardDisk, 0, {}, false}};
            },
            "drives[0].path", Kind::Empty, "SATA port 0");
        row(
            "relative path",
            [](Machine& m) {
                m.settings.drives = {{DriveType::Optical, 0, u"a.iso"_qs, false}};
            },
            "drives[0].path", Kind::BadCharacter, "a.iso");
        row(
            "SATA port 6",
            [](Machine& m) {
                m.settings.drives = {{DriveType::Optical, 6, {}, false}};
            },
            "drives[0].port", Kind::OutOfRange, "from 0 to 5");
        row(
            "NVMe slot 8",
            [](Machine& m) {
                m.settings.drives = {{DriveType::HardDisk, 8, u"/a"_qs, false, DriveBus::Nvme}};
            },
            "drives[0].port", Kind::OutOfRange, "from 0 to 7");
        row(
            "virtio slot twice",
            [](Machine& m) {
                m.settings.drives = {{DriveType::HardDisk, 1, u"/a"_qs, false, DriveBus::Virtio},
                                     {DriveType::HardDisk, 1, u"/b"_qs, false, DriveBus::Virtio}};
            },
            "drives[1].port", Kind::Duplicate, "virtio slot 1");
        row(
            "optical drive by virtio",
            [](Machine& m) {
                m.settings.drives = {{DriveType::Optical, 0, {}, false, DriveBus::Virtio}};
            },
            "drives[0].bus", Kind::Unsupported, "SATA");
        row(
            "port twice",
            [](Machine& m) {
                m.settings.drives = {{DriveType::Optical, 1, {}, false},
                                     {DriveType::Optical, 1, {}, false}};
            },
            "drives[1].port", Kind::Duplicate, "SATA port 1");
        row(
            "image twice",
            [](Machine& m) {
                m.settings.drives = {{DriveType::Optical, 0, u"/a"_qs, false},
                                     {DriveType::HardDisk, 1, u"/a"_qs, false}};
            },
            "drives[1].path", Kind::Duplicate, "/a");
        row(
            "serial port 4",
            [](Machine& m) {
                m.settings.serialPorts = {{4, SerialMode::Console, {}}};
            },
            "serialPorts[0].port", Kind::OutOfRange, "from 0 to 3");
        row(
            "serial file",
            [](Machine& m) {
                m.settings.serialPorts = {{0, SerialMode::File, {}}};
            },
            "serialPorts[0].path", Kind::Empty, "serial port 0");
        row(
            "card slot",
            [](Machine& m) {
                m.settings.networkCards = {{4, MacAddress::random()}};
            },
            "networkCards[0].slot", Kind::OutOfRange, "from 0 to 3");
        row(
            "two cards in a slot",
            [](Machine& m) {
                m.settings.networkCards = {{1, MacAddress::random()}, {1, MacAddress::random()}};
            },
            "networkCards[1].slot", Kind::Duplicate, "slot 1");
        row(
            "no address",
            [](Machine& m) {
                m.settings.networkCards = {{0, {}}};
            },
            "networkCards[0].macAddress", Kind::OutOfRange, "00:00:00:00:00:00");
        row(
            "group's address",
            [](Machine& m) {
                m.settings.networkCards = {{0, *MacAddress::parse("01:00:5e:00:00:01")}};
            },
            "networkCards[0].macAddress", Kind::OutOfRange, "01:00:5e:00:00:01");
        row(
            "same address",
            [](Machine& m) {
                const MacAddress address = MacAddress::random();
                m.settings.networkCards = {{0, address}, {1, address}};
            },
            "networkCards[1].macAddress", Kind::Duplicate, "its own");
        row(
            "guest type", [](Machine& m) { m.settings.guestType.clear(); }, "guestType",
            Kind::Empty, "1 to 64");
        row(
            "group", [](Machine& m) { m.group = u"a//b"_qs; }, "group", Kind::BadCharacter, "a//b");
        row(
            "tag", [](Machine& m) { m.tags = {u"a,b"_qs}; }, "tags", Kind::BadCharacter, "comma");
        row(
            "tag twice",
            [](Machine& m) {
                m.tags = {u"a"_qs, u"a"_qs};
            },
            "tags", Kind::Duplicate, "twice");
        row(
            "notes", [](Machine& m) { m.notes = QString(70000, u'x'); }, "notes", Kind::TooLong,
            "65536");
    }
    void badValuesAreNamed() {
        QFETCH(Change, change);
        QFETCH(QString, field);
        QFETCH(int, kind);
        QFETCH(QString, words);
        Machine machine = valid();
        change(machine);
        const auto problems = validate(machine);
        QCOMPARE(problems.size(), 1);
        QCOMPARE(problems.first().field, field);
        QCOMPARE(static_cast<int>(problems.first().kind), kind);
        QVERIFY2(problems.first().message.contains(words), qPrintable(problems.first().message));
        QVERIFY(problems.first().message.size() < 250);
        QVERIFY(!problems.first().message.contains(u'\n'));
    }

    void oneImageReadTwiceIsFine() {
        Machine machine = valid();
        machine.settings.drives = {{DriveType::Optical, 0, u"/a"_qs, false},
                                   {DriveType::HardDisk, 1, u"/a"_qs, true}};
        QVERIFY(validate(machine).isEmpty());
    }

    void eventKindNamesGoBothWays() {
        for (int i = 0; i <= static_cast<int>(MachineEvent::Kind::Removed); ++i) {
            const auto kind = static_cast<MachineEvent::Kind>(i);
            QVERIFY(!eventKindName(kind).isEmpty());
            QVERIFY(eventKindNamed(eventKindName(kind)) == kind);
        }
    }
};

} // namespace vivarium::test

using vivarium::test::MachineSettingsTest;
VIVARIUM_TEST(MachineSettingsTest)
#include "machine_settings_test.moc"
