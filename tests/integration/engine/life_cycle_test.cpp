#include "tests/integration/engine/guest_code.h"
#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"

#include <QTest>

#include <array>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

namespace {

std::vector<UniqueFd> one(UniqueFd fd) {
    std::vector<UniqueFd> list;
    list.push_back(std::move(fd));
    return list;
}

// Configures a machine that runs `code`; the first error's sentence, or empty.
std::string configure(WorkerProcess& worker, const Code& code,
                      const MachineConfig& config = kernelConfig()) {
    auto done = worker.client().call(Configure{config}, one(multibootGuest(code)));
    return done ? "" : done.error().detail;
}

std::string start(WorkerProcess& worker, const Code& code,
                  const MachineConfig& config = kernelConfig()) {
    std::string error = configure(worker, code, config);
    if (!error.empty())
        return error;
    auto started = worker.client().call(Start{});
    return started ? "" : started.error().detail;
}

// Reads from a serial line until `count` bytes have come.
std::string readSerial(int fd, size_t count) {
    std::string text;
    while (text.size() < count) {
        pollfd wait{fd, POLLIN, 0};
        char buffer[256];
        if (::poll(&wait, 1, 20'000) != 1)
            break;
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got <= 0)
            break;
        text.append(buffer, static_cast<size_t>(got));
    }
    return text;
}

UniqueFd attachSerial(WorkerProcess& worker) {
    worker.client().descriptors().clear();
    if (!worker.client().call(AttachSerial{0}) || worker.client().descriptors().empty())
        return {};
    return std::move(worker.client().descriptors().front());
}

struct Listening {
    UniqueFd socket;
    sockaddr_un address{};
    socklen_t length = sizeof(sockaddr_un);
};

Listening listeningSocket() {
    Listening result;
    result.socket = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    result.address.sun_family = AF_UNIX; // an abstract address that the kernel chooses
    ::bind(result.socket.get(), reinterpret_cast<sockaddr*>(&result.address), sizeof(sa_family_t));
    ::listen(result.socket.get(), 8);
    ::getsockname(result.socket.get(), reinterpret_cast<sockaddr*>(&result.address),
                  &result.length);
    return result;
}

} // namespace

// What a worker does with a machine, seen through its control protocol, with guests of a few bytes.
class LifeCycleTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
    }

    void pauseResumeAndPowerOff() {
        WorkerProcess worker;
        ControlClient& client = worker.client();
        const auto hello = client.waitFor<Hello>();
        QVERIFY(hello);
        QCOMPARE(hello->protocol, kProtocolVersion);
        QCOMPARE(hello->state, MachineState::PoweredOff);
        QCOMPARE(configure(worker, halt()), std::string());
        QVERIFY(client.call(Start{true}));
        auto status = client.call(Status{});
        QVERIFY(status);
        QCOMPARE(status->state, MachineState::Paused);
        QCOMPARE(status->firstInstructionNs, uint64_t(0));
        QVERIFY(client.call(Resume{}));
        QVERIFY(client.waitForState(MachineState::Running));
        while (client.call(Status{})->firstInstructionNs == 0) { // ctest ends it if it never comes
        }
        QVERIFY(client.call(Pause{}));
        status = client.call(Status{});
        QCOMPARE(status->state, MachineState::Paused);
        QCOMPARE(status->reason, StopReason::User);
        QCOMPARE(status->accelerator, std::string("kvm"));
        QVERIFY(!status->acceleratorReason.empty());
        QVERIFY(client.call(PowerOff{}));
        const auto exiting = client.waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->reason, StopReason::User);
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void thePowerButtonTellsWhetherAnybodyListens() {
        // The guest forgets earlier presses, enables the button's event (ACPI 6.4, 4.8.3.1: PM1
        // status, enable and control), says so, waits for a press and powers itself off.
        const Code listens = printSerial("deaf") + echoOnce() + outWord(0x600, 1 << 8) +
                             outWord(0x602, 1 << 8) + outWord(0x604, 1) + printSerial("hears") +
                             waitForBit(0x601, 0x01) + outWord(0x604, 1 << 13);
        WorkerProcess worker;
        ControlClient& client = worker.client();
        MachineConfig config = kernelConfig();
        config.serialPorts.push_back({});
        QCOMPARE(start(worker, listens, config), std::string());
        const UniqueFd serial = attachSerial(worker);
        QCOMPARE(readSerial(serial.get(), 4), std::string("deaf"));
        const auto deaf = client.call(PowerButton{});
        QVERIFY(!deaf);
        QCOMPARE(deaf.error().code, ErrorCode::WrongState);
        QVERIFY(deaf.error().detail.find("listens to the power button") != std::string::npos);
        QCOMPARE(::write(serial.get(), "!", 1), ssize_t(1));
        QCOMPARE(readSerial(serial.get(), 6), std::string("!hears"));
        QVERIFY(client.call(PowerButton{}));
        const auto exiting = client.waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->reason, StopReason::GuestShutdown);
    }

    void illegalRequestsAreRefused() {
        WorkerProcess worker;
        auto paused = worker.client().call(Pause{});
        QVERIFY(!paused);
        QCOMPARE(paused.error().code, ErrorCode::WrongState);
        auto started = worker.client().call(Start{});
        QVERIFY(!started);
        QCOMPARE(started.error().code, ErrorCode::WrongState);
        QCOMPARE(configure(worker, halt()), std::string());
        QVERIFY(!configure(worker, halt()).empty());
    }

    void aBrokenKernelIsASentence() {
        WorkerProcess worker;
        std::vector<uint8_t> text{'n', 'o', ' ', 'k', 'e', 'r', 'n', 'e', 'l'};
        auto configured =
            worker.client().call(Configure{kernelConfig()}, one(fileOf("kernel", text)));
        if (configured)
            configured = worker.client().call(Start{});
        QVERIFY(!configured);
        QVERIFY(!configured.error().detail.empty());
        QCOMPARE(worker.client().call(Status{})->state, MachineState::PoweredOff);
    }

    void exitDeviceEndsTheMachine() {
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.exitDevice = true;
        QCOMPARE(start(worker, Code{0xB0, 0x2A, 0xE6, 0xF4} + halt(), config), std::string());
        const auto exiting = worker.client().waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->reason, StopReason::GuestExit);
        QCOMPARE(exiting->guestExitValue, 0x2A);
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void guestPowersItselfOff() {
        WorkerProcess worker;
        // PM1a control: SLP_TYP 0 is S5, SLP_EN (ACPI 6.4, 4.8.3.2.1).
        QCOMPARE(start(worker, outWord(0x604, 0x2000) + halt()), std::string());
        const auto exiting = worker.client().waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->reason, StopReason::GuestShutdown);
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void serialHasHistoryAndLive() {
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.serialPorts.push_back({});
        QCOMPARE(start(worker, printSerial("hello") + echoKeyboard(), config), std::string());
        const UniqueFd serial = attachSerial(worker);
        QVERIFY(serial.valid());
        QCOMPARE(readSerial(serial.get(), 5), std::string("hello"));
        QVERIFY(worker.client().call(Key{{"a"}, KeyAction::Press, 1}));
        // Set 1 codes, as the controller translates after reset: 1E down, 9E up.
        QCOMPARE(readSerial(serial.get(), 2), std::string("\x1e\x9e"));
        auto typed = worker.client().call(TypeText{"b€", 0});
        QVERIFY(typed);
        QCOMPARE(typed->skipped, std::string("€"));
        QCOMPARE(readSerial(serial.get(), 2), std::string("\x30\xb0"));
        auto unknown = worker.client().call(Key{{"hyperspace"}, KeyAction::Press, 1});
        QVERIFY(!unknown);
        QVERIFY(unknown.error().detail.find("hyperspace") != std::string::npos);
        QVERIFY(!worker.client().call(AttachSerial{2}));
    }

    void guestsResetTheMachine_data() {
        QTest::addColumn<QByteArray>("code");
        QTest::addColumn<QByteArray>("cause");
        const auto row = [](const char* name, const Code& code) {
            QTest::newRow(name) << QByteArray(reinterpret_cast<const char*>(code.data()),
                                              static_cast<qsizetype>(code.size()))
                                << QByteArray(name);
        };
        row("port-cf9", outByte(0xCF9, 0x06));
        row("port-92", outByte(0x92, 0x01));
        row("keyboard-controller", outByte(0x64, 0xFE));
        row("triple-fault", tripleFault());
    }
    void guestsResetTheMachine() {
        QFETCH(QByteArray, code);
        QFETCH(QByteArray, cause);
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.exitDevice = true;
        const Code reset(code.begin(), code.end());
        QCOMPARE(start(worker, onFirstRun(reset + halt(), outByte(0xF4, 7) + halt()), config),
                 std::string());
        const auto event = worker.client().waitFor<GuestReset>();
        QVERIFY(event);
        QCOMPARE(QByteArray::fromStdString(event->cause), cause);
        const auto exiting = worker.client().waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->guestExitValue, 7);
    }

    void resetByTheUserKeepsAPausedMachinePaused() {
        WorkerProcess worker;
        ControlClient& client = worker.client();
        QCOMPARE(start(worker, halt()), std::string());
        QVERIFY(client.call(Reset{}));
        QCOMPARE(client.waitFor<GuestReset>()->cause, std::string("user"));
        QCOMPARE(client.call(Status{})->state, MachineState::Running);
        QVERIFY(client.call(Pause{}));
        QVERIFY(client.call(Reset{}));
        QCOMPARE(client.call(Status{})->state, MachineState::Paused);
    }

    void stopOnTripleFaultShowsTheRegisters() {
        WorkerProcess worker;
        ControlClient& client = worker.client();
        MachineConfig config = kernelConfig();
        config.stopOnTripleFault = true;
        QCOMPARE(start(worker, tripleFault(), config), std::string());
        const auto paused = client.waitForState(MachineState::Paused);
        QVERIFY(paused);
        QCOMPARE(paused->reason, StopReason::TripleFault);
        QVERIFY(!paused->detail.empty());
        const auto resumed = client.call(Resume{});
        QVERIFY(!resumed);
        QCOMPARE(resumed.error().code, ErrorCode::WrongState);
        QVERIFY(client.call(Reset{}));
    }

    void anInternalErrorPausesAndSaysWhere() {
        WorkerProcess worker;
        ControlClient& client = worker.client();
        // Instructions cannot be fetched from a device.
        QCOMPARE(start(worker, {0xB8, 0x00, 0x00, 0x0A, 0x00, 0xFF, 0xE0}), std::string());
        const auto paused = client.waitForState(MachineState::Paused);
        QVERIFY(paused);
        QCOMPARE(paused->reason, StopReason::InternalError);
        const QString detail = QString::fromStdString(paused->detail);
        QVERIFY2(detail.contains(u"rip"_qs, Qt::CaseInsensitive), qPrintable(detail));
        QVERIFY(worker.log().find("error vcpu") != std::string::npos);
        QVERIFY(!client.call(Resume{}));
        QVERIFY(client.call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void severalClientsSeeTheSame() {
        Listening listening = listeningSocket();
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.listenFd = 1;
        std::vector<UniqueFd> descriptors = one(multibootGuest(halt()));
        descriptors.push_back(std::move(listening.socket));
        QVERIFY(worker.client().call(Configure{config}, std::move(descriptors)));
        QVERIFY(worker.client().call(Start{}));
        const auto connectClient = [&] {
            UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&listening.address),
                          listening.length) != 0)
                qFatal("connect");
            return std::make_unique<ControlClient>(std::move(socket));
        };
        auto second = connectClient();
        const auto hello = second->waitFor<Hello>();
        QVERIFY(hello);
        QCOMPARE(hello->machineName, config.name);
        QCOMPARE(hello->state, MachineState::Running);
        auto vandal = connectClient();
        vandal->sendLine("\x01\x02 garbage");
        QVERIFY(vandal->waitForEnd());
        worker.closeClient(); // the launcher leaves, the guest goes on
        QVERIFY(second->call(Pause{}));
        QVERIFY(second->waitForState(MachineState::Paused));
        auto third = connectClient();
        QVERIFY(second->call(PowerOff{}));
        QVERIFY(third->waitFor<Exiting>());
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void aWorkerThatNobodyStartsEnds() {
        WorkerProcess worker;
        QVERIFY(worker.client().waitFor<Hello>());
        worker.closeClient();
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void aThrowAwayMachineEndsWithItsLastClient() {
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.exitWhenClientsLeave = true;
        QCOMPARE(start(worker, halt(), config), std::string());
        worker.closeClient();
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }

    void theEndIsRecordedInTheLock() {
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.lockFd = 1;
        UniqueFd lock = fileOf("lock", {'s', '\n'});
        std::vector<UniqueFd> descriptors = one(multibootGuest(outWord(0x604, 0x2000) + halt()));
        descriptors.push_back(*lock.duplicate());
        QVERIFY(worker.client().call(Configure{config}, std::move(descriptors)));
        QVERIFY(worker.client().call(Start{}));
        QCOMPARE(worker.waitForExit(), std::optional(0));
        char text[64] = {};
        QVERIFY(::pread(lock.get(), text, sizeof text - 1, 0) > 0);
        QCOMPARE(QByteArray(text), QByteArray("s\nexited guest-shutdown\n"));
    }

    void fourProcessorsStartAndReset() {
        WorkerProcess worker;
        MachineConfig config = kernelConfig();
        config.cpuCount = 4;
        QCOMPARE(start(worker, halt(), config), std::string());
        for (int i = 0; i < 3; ++i) {
            QVERIFY(worker.client().call(Reset{}));
            QVERIFY(worker.client().call(Pause{}));
            QVERIFY(worker.client().call(Resume{}));
        }
        QCOMPARE(worker.client().call(Status{})->cpuCount, 4u);
        QVERIFY(worker.client().call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), std::optional(0));
    }
};
VIVARIUM_TEST(LifeCycleTest)

#include "life_cycle_test.moc"
