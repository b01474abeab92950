#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QSet>
#include <QTest>

namespace vivarium::test {

// viv without running a guest: the library's verbs, their output and their exit statuses.
class LibraryCliTest : public QObject {
    Q_OBJECT

    using Output = VivSession::Output;

    static QStringList words(const char* text) {
        return QString::fromUtf8(text).split(u' ', Qt::SkipEmptyParts);
    }
    static QJsonArray list(const VivSession& session) {
        return QJsonDocument::fromJson(session.run(words("list --json")).standardOutput).array();
    }
    static QJsonObject info(const VivSession& session, const QString& name) {
        return QJsonDocument::fromJson(
                   session.run({QStringLiteral("info"), name, QStringLiteral("--json")})
                       .standardOutput)
            .object();
    }
    // One line that starts with the program's name and ends like a sentence.
    static bool isSentence(const QByteArray& error) {
        return error.startsWith("viv: ") && error.endsWith(".\n") && error.count('\n') == 1;
    }

private Q_SLOTS:
    void anEmptyLibraryListsNothing() {
        const VivSession session;
        const Output output = session.run(words("list --json"));
        QCOMPARE(output.status, 0);
        QVERIFY(QJsonDocument::fromJson(output.standardOutput).isArray());
        QVERIFY(list(session).isEmpty());
        QCOMPARE(output.standardError, QByteArray());
    }

    void createdMachinesAreListed() {
        VivSession session;
        QVERIFY2(session.succeeds(
                     words("create one --group Work/Servers --tag a --tag b --memory 2G --cpus 3 "
                           "--notes nothing --guest-type debian --boot disk,optical")),
                 session.lastError());
        QVERIFY2(
            session.succeeds(words("create two --cdrom relative.iso --serial none --no-boot-menu")),
            session.lastError());
        const QJsonArray machines = list(session);
        QCOMPARE(machines.size(), 2);
        const QJsonObject two = machines.at(0).toObject(); // the top level comes first
        const QJsonObject one = machines.at(1).toObject();
        QCOMPARE(one.value(u"name").toString(), QStringLiteral("one"));
        QCOMPARE(one.value(u"group").toString(), QStringLiteral("Work/Servers"));
        QCOMPARE(one.value(u"state").toString(), QStringLiteral("powered-off"));
        QCOMPARE(one.value(u"id").toString().size(), 36);
        QCOMPARE(two.value(u"name").toString(), QStringLiteral("two"));

        const QJsonObject settings =
            info(session, QStringLiteral("one")).value(u"settings").toObject();
        QCOMPARE(settings.value(u"memoryMiB").toInt(), 2048);
        QCOMPARE(settings.value(u"cpuCount").toInt(), 3);
        QCOMPARE(settings.value(u"bootOrder").toArray().at(0).toString(), QStringLiteral("disk"));
        const QString medium = info(session, QStringLiteral("two"))
                                   .value(u"settings")
                                   .toObject()
                                   .value(u"drives")
                                   .toArray()
                                   .at(0)
                                   .toObject()
                                   .value(u"path")
                                   .toString();
        QCOMPARE(medium, QDir::current().absoluteFilePath(QStringLiteral("relative.iso")));
    }

    void networkAdaptersKeepTheirAddresses() {
        VivSession session;
        const auto addresses = [&session](const char* name) {
            QStringList list;
            const QJsonArray cards = info(session, QString::fromUtf8(name))
                                         .value(u"settings")
                                         .toObject()
                                         .value(u"networkCards")
                                         .toArray();
            for (const auto& card : cards)
                list << QString::number(card.toObject().value(u"slot").toInt()) + u' ' +
                            card.toObject().value(u"macAddress").toString();
            return list;
        };
        QVERIFY2(session.succeeds(words("create one --nic unattached --nic none "
                                        "--nic unattached,mac=52:54:00:12:34:56")),
                 session.lastError());
        const QStringList first = addresses("one");
        QCOMPARE(first.size(), 2);
        QVERIFY(first.at(0).startsWith(u"0 "));
        QCOMPARE(first.at(1), QStringLiteral("2 52:54:00:12:34:56"));
        QVERIFY2(session.succeeds(words("set one --nic unattached")), session.lastError());
        QCOMPARE(addresses("one"), first.mid(0, 1));

        QVERIFY2(session.succeeds(words("clone one kept --mac keep")), session.lastError());
        QCOMPARE(addresses("kept"), first.mid(0, 1));
        QVERIFY2(session.succeeds(words("clone one other")), session.lastError());
        QCOMPARE(addresses("other").size(), 1);
        QVERIFY(addresses("other") != first.mid(0, 1));
        QVERIFY2(session.succeeds(words("set one --nic none")), session.lastError());
        QVERIFY(addresses("one").isEmpty());

        for (const char* bad : {"clone one two --mac same", "create two --nic nat",
                                "create two --nic unattached,mac=5254",
                                "create two --nic unattached,mac=01:00:5e:00:00:01"}) {
            const Output refused = session.run(words(bad));
            QCOMPARE(refused.status, 2);
            QVERIFY2(isSentence(refused.standardError), refused.standardError.constData());
        }
    }

    void aDiskIsCreatedWithTheMachine() {
        VivSession session;
        QVERIFY2(session.succeeds(words("create one --disk-size 20M")), session.lastError());
        const QJsonObject one = info(session, QStringLiteral("one"));
        const QString disk = one.value(u"folder").toString() + QStringLiteral("/disk.img");
        QCOMPARE(QFile(disk).size(), 20 << 20);
        QCOMPARE(one.value(u"settings")
                     .toObject()
                     .value(u"drives")
                     .toArray()
                     .at(0)
                     .toObject()
                     .value(u"path"),
                 disk);
        QVERIFY2(session.succeeds(words("delete one")), session.lastError());
        QVERIFY(!QFile::exists(disk));
        QVERIFY(!QDir(one.value(u"folder").toString()).exists());
    }

    void settingsChangeAndAreLogged() {
        VivSession session;
        QVERIFY(session.succeeds(words("create one")));
        QVERIFY2(session.succeeds(words("set one --memory 300M --vnc on --tag x --group G")),
                 session.lastError());
        QVERIFY2(session.succeeds(words("rename one uno")), session.lastError());
        const QJsonObject machine = info(session, QStringLiteral("uno"));
        QCOMPARE(machine.value(u"memoryMiB").toInt(), 300);
        QCOMPARE(machine.value(u"group").toString(), QStringLiteral("G"));
        const QJsonArray events =
            QJsonDocument::fromJson(session.run(words("log uno --events --json")).standardOutput)
                .array();
        QStringList kinds;
        for (const QJsonValue& event : events)
            kinds << event.toObject().value(u"event").toString();
        QCOMPARE(kinds, (QStringList{QStringLiteral("created"), QStringLiteral("settings-changed"),
                                     QStringLiteral("renamed")}));
        QCOMPARE(session.run(words("info one")).status, 3);
    }

    void theFirstCharactersOfAnIdAreEnough() {
        VivSession session;
        QVERIFY(session.succeeds(words("create one")));
        const QString id = list(session).at(0).toObject().value(u"id").toString();
        QVERIFY(session.succeeds({QStringLiteral("info"), id.left(8)}));
        QVERIFY(session.succeeds({QStringLiteral("delete"), id}));
    }

    void badUseIsRefusedInOneSentence_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<int>("status");
        const auto row = [](const char* name, const QStringList& arguments, int status) {
            QTest::newRow(name) << arguments << status;
        };
        const QString create = QStringLiteral("create");
        row("no such machine", words("start nobody"), 3);
        row("slash", {create, QStringLiteral("a/b")}, 2);
        row("newline", {create, QStringLiteral("a\nb")}, 2);
        row("10,000 characters", {create, QString(10000, u'x')}, 2);
        row("empty name", {create, QString()}, 2);
        row("name in use", words("create used"), 5);
        row("rename to a used name", words("rename other used"), 5);
        row("memory", words("create m --memory 1M"), 2);
        row("memory is no size", words("create m --memory lots"), 2);
        row("processors", words("create m --cpus 1000"), 2);
        row("firmware", words("create m --firmware coreboot"), 2);
        row("drives",
            words("create m --disk a --disk b --disk c --disk d --disk e --disk f --disk g"), 2);
        row("initrd without kernel", words("create m --initrd x"), 2);
        row("stop a stopped machine", words("stop used"), 4);
        row("screen of a stopped machine", words("screen used"), 4);
        row("key to a stopped machine", words("key used a"), 4);
        row("missing medium", words("start --headless missing"), 3);
        row("folder as medium", words("start --headless folder"), 2);
        row("truncated medium", words("start --headless truncated"), 1);
        row("too much memory", words("start --headless huge"), 1);
        row("eject without drive", words("media used eject"), 3);
        row("log before the first run", words("log used"), 3);
    }
    void badUseIsRefusedInOneSentence() {
        QFETCH(QStringList, arguments);
        QFETCH(int, status);
        VivSession session;
        for (const char* command :
             {"create used", "create other", "create missing --cdrom /no/such.iso",
              "create folder --cdrom /", "create truncated --cdrom /proc/sys/kernel/ostype",
              "create huge --memory 1T"})
            QVERIFY2(session.succeeds(words(command)), session.lastError());
        const QByteArray before = session.run(words("list --json")).standardOutput;
        const Output output = session.run(arguments);
        QCOMPARE(output.status, status);
        QVERIFY2(isSentence(output.standardError), output.standardError);
        QCOMPARE(output.standardOutput, QByteArray());
        QCOMPARE(session.run(words("list --json")).standardOutput,
                 before); // nothing is lost or made
    }

    void anyOtherNameWorks_data() {
        QTest::addColumn<QString>("name");
        QTest::newRow("quotes") << QStringLiteral("it's \"quoted\"");
        QTest::newRow("emoji") << QString::fromUtf8("🐟 fish");
        QTest::newRow("SQL") << QStringLiteral("'; DROP TABLE machines; --");
        QTest::newRow("shell") << QStringLiteral("$(touch x) `y` & | ; *");
        QTest::newRow("longest") << QString(255, u'n');
    }
    void anyOtherNameWorks() {
        QFETCH(QString, name);
        VivSession session;
        QVERIFY2(session.succeeds({QStringLiteral("create"), name}), session.lastError());
        QCOMPARE(list(session).at(0).toObject().value(u"name").toString(), name);
        QVERIFY2(session.succeeds({QStringLiteral("delete"), name}), session.lastError());
        QVERIFY(list(session).isEmpty());
    }

    void aForeignOrDamagedLibraryIsOneSentence_data() {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("foreign") << QByteArray("not a library at all\n").repeated(300);
        QTest::newRow("SQLite, then rubbish")
            << QByteArray("SQLite format 3\0", 16) + QByteArray(9000, '\x55');
    }
    void aForeignOrDamagedLibraryIsOneSentence() {
        QFETCH(QByteArray, content);
        const VivSession session;
        QVERIFY(QDir().mkpath(session.path(QStringLiteral("library"))));
        QFile file(session.path(QStringLiteral("library/library.sqlite")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(content);
        file.close();
        const Output output = session.run(words("list"));
        QCOMPARE(output.status, 1);
        QVERIFY2(isSentence(output.standardError), output.standardError);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), content);
    }

    void whatIsNotGivenStaysAsItIs() {
        VivSession session;
        QVERIFY2(session.succeeds(words("create m --boot-menu --rtc-local-time --exit-device")),
                 session.lastError());
        const auto settings = [&session] {
            return QJsonDocument::fromJson(session.run(words("info m --json")).standardOutput)
                .object()[QStringLiteral("settings")]
                .toObject();
        };
        QVERIFY2(session.succeeds(words("set m --memory 32M --no-exit-device")),
                 session.lastError());
        QCOMPARE(settings()[QStringLiteral("bootMenu")], QJsonValue(true));
        QCOMPARE(settings()[QStringLiteral("rtcLocalTime")], QJsonValue(true));
        QCOMPARE(settings()[QStringLiteral("exitDevice")], QJsonValue(false));
    }

    void manualAndCompletionKnowEveryOption() {
        const VivSession session;
        const auto packaged = [](const char* path) {
            QFile file(QStringLiteral(VIVARIUM_SOURCE_DIR "/packaging/") +
                       QString::fromLatin1(path));
            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
        };
        const QByteArray manual = packaged("man/viv.1").replace("\\-", "-");
        const QByteArray completion = packaged("completions/viv.bash");
        static const QRegularExpression command(QStringLiteral("^  ([a-z]+) {2,}"),
                                                QRegularExpression::MultilineOption);
        static const QRegularExpression option(QStringLiteral("--[a-z-]+"));
        const auto help = [&session](const QStringList& arguments) {
            return QString::fromUtf8(session.run(arguments + words("--help")).standardOutput);
        };
        QSet<QString> checked;
        const auto checkOptions = [&](const QStringList& words) {
            const QString name = words.join(u' ');
            auto options = option.globalMatch(help(words));
            while (options.hasNext()) {
                const QString text = options.next().captured(0);
                QVERIFY2(manual.contains(text.toUtf8()), qPrintable(name + u' ' + text));
                QVERIFY2(completion.contains(text.toUtf8()), qPrintable(name + u' ' + text));
            }
        };
        auto commands = command.globalMatch(help({}));
        while (commands.hasNext()) {
            const QString name = commands.next().captured(1);
            checked.insert(name);
            QVERIFY2(manual.contains("viv " + name.toUtf8()), qPrintable(name));
            QVERIFY2(completion.contains(name.toUtf8()), qPrintable(name));
            checkOptions({name});
            const QString text = help({name});
            if (!text.contains(u"Subcommands:"))
                continue;
            auto below = command.globalMatch(text);
            while (below.hasNext()) {
                const QString verb = below.next().captured(1);
                const QByteArray both = name.toUtf8() + ' ' + verb.toUtf8();
                QVERIFY2(manual.contains("viv " + both), both);
                QVERIFY2(completion.contains(verb.toUtf8()), both);
                checkOptions({name, verb});
            }
        }
        QCOMPARE(checked.size(), 28);
    }

    void helpAndVersionTouchNothing() {
        const VivSession session;
        for (const char* command : {"--help", "--version", "create --help", "run --help"}) {
            const Output output = session.run(words(command));
            QCOMPARE(output.status, 0);
            QVERIFY(!output.standardOutput.isEmpty());
        }
        QVERIFY(QDir(session.home()).isEmpty());
    }
};

} // namespace vivarium::test

using vivarium::test::LibraryCliTest;
VIVARIUM_TEST(LibraryCliTest)
#include "library_cli_test.moc"
