#include "core/supervisor/throwaway_machine.h"

#include "tests/support/test_main.h"

#include <QCoreApplication>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

namespace vivarium::test {

class ThrowawayMachineTest : public QObject {
    Q_OBJECT

    std::unique_ptr<ThrowawayMachine> make(const QString& name,
                                           FirstSerialPort serial = FirstSerialPort::AsSet) const {
        MachineSettings settings;
        settings.name = name;
        settings.directBoot.kernelPath = QCoreApplication::applicationFilePath();
        return std::make_unique<ThrowawayMachine>(settings, serial,
                                                  QCoreApplication::applicationDirPath() +
                                                      QStringLiteral("/fake_worker"));
    }
    static bool started(ThrowawayMachine& machine) {
        auto start = machine.start();
        return QTest::qWaitFor([&] { return start.isFinished(); }) && start.result();
    }

private Q_SLOTS:
    void itRunsAndEnds() {
        auto machine = make(QStringLiteral("one"), FirstSerialPort::Stream);
        ThrowawayMachine::End end;
        bool ended = false;
        connect(machine.get(), &ThrowawayMachine::ended, this, [&](const ThrowawayMachine::End& e) {
            end = e;
            ended = true;
        });
        QVERIFY(started(*machine));
        QVERIFY(machine->takeSerialStream().valid());
        QVERIFY(machine->connection());
        machine->connection()->send(control::PowerButton{});
        QTRY_VERIFY(ended);
        QVERIFY(!end.crashed);
        QCOMPARE(end.reason, control::StopReason::GuestShutdown);
        QVERIFY(!end.guestExitValue);
        QVERIFY(!machine->connection());
    }

    void aCrashIsTold() {
        auto machine = make(QStringLiteral("one"));
        ThrowawayMachine::End end;
        bool ended = false;
        connect(machine.get(), &ThrowawayMachine::ended, this, [&](const ThrowawayMachine::End& e) {
            end = e;
            ended = true;
        });
        QVERIFY(started(*machine));
        machine->connection()->send(control::Reset{}); // the fake crashes
        QTRY_VERIFY(ended);
        QVERIFY(end.crashed);
        QVERIFY(end.detail.contains(QStringLiteral("these are my last words")));
    }

    void itDiesWithItsOwner() {
        auto machine = make(QStringLiteral("one"));
        QVERIFY(started(*machine));
        const auto status = machine->connection()->send(control::Status{});
        QTRY_VERIFY(status.isFinished());
        const auto pid = static_cast<pid_t>(status.result()->value.pid);
        QVERIFY(pid > 0);
        machine.reset();
        QTRY_VERIFY(::kill(pid, 0) != 0 ||
                    QFile::symLinkTarget(QStringLiteral("/proc/%1/exe").arg(pid)).isEmpty());
    }

    void aFailedStartSaysWhy() {
        auto machine = make(QStringLiteral("refuse"));
        auto start = machine->start();
        QTRY_VERIFY(start.isFinished());
        QCOMPARE(start.result().error().code, ErrorCode::Unavailable);
    }
};

} // namespace vivarium::test

using vivarium::test::ThrowawayMachineTest;
VIVARIUM_TEST(ThrowawayMachineTest)
#include "throwaway_machine_test.moc"
