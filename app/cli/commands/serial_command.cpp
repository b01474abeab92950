#include "app/cli/command_context.h"
#include "app/cli/command_errors.h"
#include "app/cli/commands/commands.h"
#include "app/cli/serial_stream.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include <fcntl.h>

namespace vivarium::cli {

namespace {

constexpr char kLeaveKey = 0x1D; // Ctrl-]

struct SerialOptions {
    std::string name;
    uint32_t port = 1;
    bool readOnly = false;
};

void printBytes(const QByteArray& bytes) {
    std::fwrite(bytes.constData(), 1, static_cast<size_t>(bytes.size()), stdout);
    std::fflush(stdout);
}

int serial(CommandContext& context, const SerialOptions& options) {
    const auto machine = TRY_OR_EXIT(context.running(QString::fromLocal8Bit(options.name.c_str())));
    auto reply =
        TRY_OR_EXIT(context.request(*machine.worker, control::AttachSerial{options.port - 1}));
    if (!reply.descriptors || reply.descriptors->empty())
        return printError(fail(ErrorCode::Corrupt, "The machine's answer holds no serial line."));

    CommandContext::Waiter waiter;
    SerialStream line(std::move(reply.descriptors->front()), [&](const QByteArray& bytes) {
        if (bytes.isEmpty())
            waiter.finish();
        else
            printBytes(bytes);
    });
    std::unique_ptr<RawTerminal> terminal;
    std::unique_ptr<SerialStream> input;
    if (!options.readOnly) {
        terminal = std::make_unique<RawTerminal>();
        if (terminal->isTerminal())
            std::fprintf(stderr, "Connected to COM%u; Ctrl-] leaves.\r\n", options.port);
        const int copy = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        input = std::make_unique<SerialStream>(UniqueFd(copy), [&](const QByteArray& bytes) {
            const qsizetype leave = terminal->isTerminal() ? bytes.indexOf(kLeaveKey) : -1;
            line.write(leave < 0 ? bytes : bytes.left(leave));
            if (leave >= 0)
                waiter.finish();
        });
    }
    const auto waited = waiter.wait(-1);
    return waited ? kDone : kInterrupted;
}

} // namespace

void addSerialCommand(CommandTable& table) {
    CLI::App& command =
        table.add("serial", "Connect the terminal to a running machine's serial port");
    auto options = std::make_shared<SerialOptions>();
    command.add_option("NAME", options->name, "Machine")->required();
    command.add_option("--port", options->port, "1 is COM1")->check(CLI::Range(1, 4));
    command.add_flag("--read-only", options->readOnly, "Only print, ignore standard input");
    table.setAction(command,
                    [options](CommandContext& context) { return serial(context, *options); });
}

} // namespace vivarium::cli
