#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QTest>

namespace vivarium::test {

// viv killed in the middle of the verbs that change the library, and several of them at once.
class InterruptedCliTest : public QObject {
    Q_OBJECT

    // Starts viv and kills it at some moment of its life.
    static void killSoon(const VivSession& session, const QStringList& arguments, int afterMs) {
        QProcess viv;
        viv.setProcessEnvironment(session.environment());
        viv.start(VivSession::program(QStringLiteral("viv")), arguments);
        if (!viv.waitForFinished(afterMs)) {
            viv.kill();
            viv.waitForFinished();
        }
    }
    static QStringList names(const VivSession& session) {
        const auto output = session.run({QStringLiteral("list"), QStringLiteral("--json")});
        if (output.status != 0)
            return {QString::fromUtf8("list failed: " + output.standardError)};
        QStringList names;
        for (const QJsonValue& value : QJsonDocument::fromJson(output.standardOutput).array())
            names << value.toObject().value(u"name").toString();
        return names;
    }

private Q_SLOTS:
    void theLibrarySurvives_data() {
        QTest::addColumn<QString>("verb");
        for (const char* verb : {"create", "set", "rename", "delete"})
            QTest::newRow(verb) << QString::fromLatin1(verb);
    }
    void theLibrarySurvives() {
        QFETCH(QString, verb);
        VivSession session;
        QVERIFY(session.succeeds({QStringLiteral("create"), QStringLiteral("witness")}));
        QRandomGenerator random(7);
        for (int round = 0; round < 12; ++round) {
            const QString name = QStringLiteral("m%1").arg(round);
            const QString other = QStringLiteral("n%1").arg(round);
            if (verb != QStringLiteral("create"))
                QVERIFY2(session.succeeds({QStringLiteral("create"), name,
                                           QStringLiteral("--disk-size"), QStringLiteral("1M")}),
                         session.lastError());
            QStringList arguments{verb, name};
            if (verb == QStringLiteral("create"))
                arguments << QStringLiteral("--disk-size") << QStringLiteral("1M");
            else if (verb == QStringLiteral("set"))
                arguments << QStringLiteral("--memory") << QStringLiteral("77M");
            else if (verb == QStringLiteral("rename"))
                arguments << other;
            killSoon(session, arguments, static_cast<int>(random.bounded(2, 60)));

            const QStringList present = names(session);
            QVERIFY2(present.contains(QStringLiteral("witness")), qPrintable(present.join(u',')));
            // Done or not done, nothing between, and it can be used or done again.
            if (verb == QStringLiteral("rename"))
                QVERIFY(present.contains(name) != present.contains(other));
            const QString left = present.contains(name)    ? name
                                 : present.contains(other) ? other
                                                           : QString();
            if (!left.isEmpty())
                QVERIFY2(session.succeeds({QStringLiteral("delete"), left}), session.lastError());
            else if (verb == QStringLiteral("create"))
                QVERIFY2(session.succeeds(arguments) &&
                             session.succeeds({QStringLiteral("delete"), name}),
                         session.lastError());
        }
        QCOMPARE(names(session), QStringList{QStringLiteral("witness")});
        QVERIFY(session.succeeds({QStringLiteral("info"), QStringLiteral("witness")}));
    }

    void manyAtOnceAllSucceed() {
        const VivSession session;
        constexpr int kPrograms = 8;
        std::vector<std::unique_ptr<QProcess>> programs;
        for (int i = 0; i < kPrograms; ++i) {
            programs.push_back(std::make_unique<QProcess>());
            programs.back()->setProcessEnvironment(session.environment());
            programs.back()->start(VivSession::program(QStringLiteral("viv")),
                                   {QStringLiteral("create"), QStringLiteral("m%1").arg(i)});
        }
        for (const auto& program : programs) {
            QVERIFY(program->waitForFinished());
            QVERIFY2(program->exitCode() == 0, program->readAllStandardError());
        }
        QCOMPARE(names(session).size(), kPrograms);
    }
};

} // namespace vivarium::test

using vivarium::test::InterruptedCliTest;
VIVARIUM_TEST(InterruptedCliTest)
#include "interrupted_cli_test.moc"
