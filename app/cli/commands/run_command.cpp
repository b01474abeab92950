#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/format_lookup.h"
#include "app/cli/serial_stream.h"
#include "core/supervisor/throwaway_machine.h"

#include <CLI/CLI.hpp>

#include <QTimer>

#include <cstdio>

#include <fcntl.h>

namespace vivarium::cli {

namespace {

struct RunOptions {
    HardwareOptions hardware;
    double timeoutSeconds = -1;
};

// The status that users of isa-debug-exit know.
int exitStatusOf(uint8_t guestValue) {
    return guestValue << 1 | 1;
}

int endStatus(const ThrowawayMachine::End& end) {
    if (end.crashed)
        return printError(fail(ErrorCode::Internal,
                               "The machine's process has crashed. " + end.detail.toStdString()));
    if (end.guestExitValue)
        return exitStatusOf(*end.guestExitValue);
    return kDone;
}

// Joins the guest's first serial port with standard input and output.
class SerialConsole {
public:
    explicit SerialConsole(UniqueFd stream)
        : m_line(std::move(stream),
                 [](const QByteArray& bytes) {
                     std::fwrite(bytes.constData(), 1, static_cast<size_t>(bytes.size()), stdout);
                     std::fflush(stdout);
                 }),
          m_input(UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)),
                  [this](const QByteArray& bytes) { m_line.write(bytes); }) {}

    // What the guest wrote before its end and has not been printed yet.
    void printRest() { m_line.readRest(); }

private:
    SerialStream m_line;
    SerialStream m_input;
};

int run(CommandContext& context, const RunOptions& options) {
    MachineSettings settings;
    settings.name = QStringLiteral("throw-away");
    settings.memoryMiB = 256;
    TRY_OR_EXIT(options.hardware.apply(settings, formatLookup(context, nullptr)));
    TRY_OR_EXIT(requireValid(settings));

    ThrowawayMachine machine(settings, options.hardware.serialOnStandardStreams()
                                           ? FirstSerialPort::Stream
                                           : FirstSerialPort::AsSet);
    CommandContext::Waiter waiter;
    ThrowawayMachine::End end;
    QObject::connect(&machine, &ThrowawayMachine::ended,
                     [&](const ThrowawayMachine::End& happened) {
                         end = happened;
                         waiter.finish();
                     });
    TRY_OR_EXIT(context.await(machine.start()));
    std::unique_ptr<SerialConsole> console;
    if (UniqueFd stream = machine.takeSerialStream())
        console = std::make_unique<SerialConsole>(std::move(stream));
    // A pause is an error here, nobody will resume: the guest has hit a wall.
    if (WorkerConnection* worker = machine.connection())
        QObject::connect(
            worker, &WorkerConnection::stateChanged, [&](const control::StateChanged& now) {
                if (now.state == MachineState::Paused && now.reason != StopReason::User)
                    waiter.fail(fail(ErrorCode::Internal, "The guest cannot go on: " + now.detail));
            });
    const int timeoutMs =
        options.timeoutSeconds < 0 ? -1 : static_cast<int>(options.timeoutSeconds * 1000);
    const auto waited = waiter.wait(timeoutMs);
    if (console)
        console->printRest();
    if (waited)
        return endStatus(end);
    if (waited.error().code == ErrorCode::Timeout)
        return printError(fail(ErrorCode::Timeout,
                               "The guest did not end within " +
                                   QString::number(options.timeoutSeconds).toStdString() + " s."));
    return printError(waited.error());
}

} // namespace

void addRunCommand(CommandTable& table) {
    CLI::App& command =
        table.add("run", "Run a throw-away machine that leaves nothing behind; Ctrl-C ends it");
    auto options = std::make_shared<RunOptions>();
    options->hardware.addTo(command);
    command
        .add_option("--timeout", options->timeoutSeconds, "Seconds; then the exit status is 124")
        ->check(CLI::Range(0.0, 1e6));
    command.footer("With --exit-device the exit status is the guest's: (value << 1) | 1. "
                   "--serial stdio joins COM1 with standard input and output.");
    table.setAction(command, [options](CommandContext& context) { return run(context, *options); });
}

} // namespace vivarium::cli
