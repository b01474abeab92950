#include "tests/support/test_main.h"
#include "ui/text/error_text.h"
#include "ui/text/machine_text.h"

#include <QTest>

namespace vivarium {

class TextTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyErrorHasSentences_data();
    void everyErrorHasSentences();
    void detailIsKept();
    void remoteScreensHaveTheirOwnReasons();
    void abnormalStopsAreExplained();
    void problemsNameTheRange();
};

void TextTest::everyErrorHasSentences_data() {
    QTest::addColumn<int>("code");
    for (int code = 0; code <= static_cast<int>(ErrorCode::Internal); ++code)
        QTest::newRow(errorCodeName(static_cast<ErrorCode>(code))) << code;
}

void TextTest::everyErrorHasSentences() {
    QFETCH(int, code);
    for (int operation = 0; operation <= static_cast<int>(Operation::ForkMachine); ++operation) {
        const UserMessage message =
            describeError(static_cast<Operation>(operation), QStringLiteral("web"),
                          fail(static_cast<ErrorCode>(code), "detail"));
        QVERIFY(!message.title.isEmpty());
        QVERIFY(!message.reason.isEmpty());
        // A cancelled action needs no advice.
        QVERIFY(!message.advice.isEmpty() || static_cast<ErrorCode>(code) == ErrorCode::Cancelled);
    }
}

void TextTest::detailIsKept() {
    const UserMessage message = describeError(Operation::StartMachine, QStringLiteral("web"),
                                              fail(ErrorCode::Busy, "disk.img is in use by db"));
    QCOMPARE(message.title, QStringLiteral("The machine “web” could not be started."));
    QCOMPARE(message.detail, QStringLiteral("disk.img is in use by db"));
}

void TextTest::remoteScreensHaveTheirOwnReasons() {
    const auto reason = [](const Error& error) {
        return describeError(Operation::ConnectRemoteScreen, QStringLiteral("host:5900"), error)
            .reason;
    };
    QCOMPARE(reason(systemError(ECONNREFUSED, "connect")),
             QStringLiteral("Nothing answers at this address."));
    QCOMPARE(reason(fail(ErrorCode::PermissionDenied, "")),
             QStringLiteral("The password was refused."));
    QCOMPARE(reason(fail(ErrorCode::Disconnected, "")), QStringLiteral("The connection was lost."));
}

void TextTest::abnormalStopsAreExplained() {
    using control::MachineState;
    using control::StopReason;
    const auto title = [](MachineState state, StopReason reason) {
        return describeStop(QStringLiteral("web"), state, reason, {}).title;
    };
    QVERIFY(title(MachineState::PoweredOff, StopReason::GuestShutdown).isEmpty());
    QVERIFY(title(MachineState::Paused, StopReason::User).isEmpty());
    QVERIFY(!title(MachineState::Paused, StopReason::DiskFull).isEmpty());
    QVERIFY(!title(MachineState::Paused, StopReason::InternalError).isEmpty());
    QVERIFY(!title(MachineState::Aborted, StopReason::None).isEmpty());
}

void TextTest::problemsNameTheRange() {
    MachineSettings settings;
    settings.name = QStringLiteral("web");
    settings.memoryMiB = 1;
    const QList<SettingsProblem> problems = validate(settings);
    QCOMPARE(problems.size(), 1);
    const QString text = problemText(problems.first());
    QVERIFY2(text.contains(QString::number(MachineSettings::kMinMemoryMiB)), qPrintable(text));
}

} // namespace vivarium

using vivarium::TextTest;
VIVARIUM_TEST(TextTest)
#include "text_test.moc"
