#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/serial_stream.h"
#include "core/jobs/when_done.h"

#include <CLI/CLI.hpp>

#include <QRegularExpression>

namespace vivarium::cli {

namespace {

constexpr qsizetype kMaxSerialText = 1 << 20; // how much of the past a pattern may span

struct WaitOptions {
    std::string name;
    std::string screen;
    std::string serial;
    std::string state;
    double timeoutSeconds = -1;
    uint32_t port = 1;
};

int timeoutMs(const WaitOptions& options) {
    return options.timeoutSeconds < 0 ? -1 : static_cast<int>(options.timeoutSeconds * 1000);
}

Result<QRegularExpression> compile(const std::string& pattern) {
    QRegularExpression expression(QString::fromLocal8Bit(pattern.c_str()),
                                  QRegularExpression::MultilineOption);
    if (!expression.isValid())
        return fail(ErrorCode::InvalidArgument, "\"" + pattern +
                                                    "\" is not a regular expression: " +
                                                    expression.errorString().toStdString() + ".");
    return expression;
}

int finishWait(const Result<void>& waited, const std::string& what, const WaitOptions& options) {
    if (waited)
        return kDone;
    if (waited.error().code == ErrorCode::Timeout)
        return printError(fail(ErrorCode::Timeout,
                               what + " did not come within " +
                                   QString::number(options.timeoutSeconds).toStdString() + " s."));
    return printError(waited.error());
}

// Fails the wait when the machine goes away, which no pattern can then follow.
void failWhenGone(WorkerConnection& worker, QObject* scope, CommandContext::Waiter& waiter) {
    QObject::connect(&worker, &WorkerConnection::disconnected, scope, [&waiter] {
        waiter.fail(fail(ErrorCode::WrongState, "The machine stopped while waiting."));
    });
}

// Reads the screen again after every drawing, one request at a time.
class ScreenWatch : public QObject {
public:
    ScreenWatch(WorkerConnection& worker, const QRegularExpression& pattern,
                CommandContext::Waiter& waiter)
        : m_worker(worker), m_pattern(pattern), m_waiter(waiter) {
        connect(&worker, &WorkerConnection::damaged, this, [this] { look(); });
        connect(&worker, &WorkerConnection::scanoutChanged, this, [this] { look(); });
        m_worker.send(control::Subscribe{true, false});
        look();
    }

private:
    void look() {
        m_stale = true;
        if (m_looking)
            return;
        m_looking = true;
        m_stale = false;
        whenDone(this, m_worker.send(control::ScreenText{}),
                 [this](const Result<WorkerReply<control::ScreenTextReply>>& reply) {
                     m_looking = false;
                     QStringList lines;
                     if (reply)
                         for (const std::string& line : reply->value.lines)
                             lines << QString::fromStdString(line);
                     if (m_pattern.match(lines.join(u'\n')).hasMatch())
                         m_waiter.finish();
                     else if (m_stale)
                         look();
                 });
    }

    WorkerConnection& m_worker;
    const QRegularExpression& m_pattern;
    CommandContext::Waiter& m_waiter;
    bool m_looking = false;
    bool m_stale = false;
};

int waitForScreen(CommandContext& context, const WaitOptions& options) {
    const QRegularExpression pattern = TRY_OR_EXIT(compile(options.screen));
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(options.name.c_str())));
    CommandContext::Waiter waiter;
    ScreenWatch watch(*machine.worker, pattern, waiter);
    failWhenGone(*machine.worker, &watch, waiter);
    return finishWait(waiter.wait(timeoutMs(options)), "That screen", options);
}

int waitForSerial(CommandContext& context, const WaitOptions& options) {
    const QRegularExpression pattern = TRY_OR_EXIT(compile(options.serial));
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(options.name.c_str())));
    auto reply =
        TRY_OR_EXIT(context.request(*machine.worker, control::AttachSerial{options.port - 1}));
    if (!reply.descriptors || reply.descriptors->empty())
        return printError(fail(ErrorCode::Corrupt, "The machine's answer holds no serial line."));
    CommandContext::Waiter waiter;
    QByteArray text;
    SerialStream line(std::move(reply.descriptors->front()), [&](const QByteArray& bytes) {
        text += bytes;
        if (text.size() > kMaxSerialText)
            text.remove(0, text.size() - kMaxSerialText / 2);
        if (pattern.match(QString::fromUtf8(text)).hasMatch())
            waiter.finish();
        else if (bytes.isEmpty())
            waiter.fail(fail(ErrorCode::WrongState, "The machine stopped while waiting."));
    });
    return finishWait(waiter.wait(timeoutMs(options)), "That serial output", options);
}

int waitForState(CommandContext& context, const WaitOptions& options) {
    const auto wanted = control::machineStateFromName(options.state);
    if (!wanted)
        return printError(
            fail(ErrorCode::InvalidArgument,
                 "\"" + options.state +
                     "\" is not one of powered-off, starting, running, paused, saved, "
                     "aborted, stopping."));
    const Machine* machine =
        TRY_OR_EXIT(context.machine(QString::fromLocal8Bit(options.name.c_str())));
    const MachineId id = machine->id;
    Supervisor* supervisor = TRY_OR_EXIT(context.supervisor());
    CommandContext::Waiter waiter;
    QObject scope;
    const auto look = [&] {
        if (supervisor->status(id).state == *wanted)
            waiter.finish();
    };
    QObject::connect(supervisor, &Supervisor::statusChanged, &scope, look);
    look();
    return finishWait(waiter.wait(timeoutMs(options)), "State " + options.state, options);
}

int wait(CommandContext& context, const WaitOptions& options) {
    if (!options.screen.empty())
        return waitForScreen(context, options);
    if (!options.serial.empty())
        return waitForSerial(context, options);
    return waitForState(context, options);
}

} // namespace

void addWaitCommand(CommandTable& table) {
    CLI::App& command = table.add("wait", "Wait for a machine's screen, serial output or state");
    auto options = std::make_shared<WaitOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    auto* what = command.add_option_group("what", "One of");
    what->add_option("--screen", options->screen, "Until the text screen matches this expression");
    what->add_option("--serial", options->serial, "Until the serial output matches");
    what->add_option("--state", options->state, "Until the machine is in this state");
    what->require_option(1);
    command
        .add_option("--timeout", options->timeoutSeconds, "Seconds; then the exit status is 124")
        ->check(CLI::Range(0.0, 1e6));
    command.add_option("--port", options->port, "With --serial: 1 is COM1")
        ->check(CLI::Range(1, 4));
    table.setAction(command,
                    [options](CommandContext& context) { return wait(context, *options); });
}

} // namespace vivarium::cli
