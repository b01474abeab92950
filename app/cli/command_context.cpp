#include "app/cli/command_context.h"

#include "app/cli/interrupt_watcher.h"
#include "app/cli/printer.h"
#include "core/settings/preferences.h"

#include <CLI/CLI.hpp>

#include <QTimer>

namespace vivarium::cli {

CommandContext::CommandContext() : m_paths(ApplicationPaths::fromEnvironment()) {}
CommandContext::~CommandContext() = default;

QString CommandContext::machinesFolder() const {
    const QString chosen = Preferences::load(m_paths).machinesFolder;
    return chosen.isEmpty() ? m_paths.machines : chosen;
}

Result<Library*> CommandContext::library() {
    if (!m_library)
        m_library = TRY(Library::open(m_paths.library, machinesFolder()));
    return m_library.get();
}

Result<Supervisor*> CommandContext::supervisor() {
    if (!m_supervisor) {
        Library* opened = TRY(library());
        m_supervisor = std::make_unique<Supervisor>(*opened);
        m_snapshots = std::make_unique<SnapshotService>(*opened, *m_supervisor);
        if (auto error = waitFor(m_supervisor->settled(), 10'000))
            return *error;
    }
    return m_supervisor.get();
}

Result<SnapshotService*> CommandContext::snapshots() {
    TRY(supervisor());
    if (auto error = waitFor(m_snapshots->recovered(), 30'000))
        return *error;
    return m_snapshots.get();
}

Result<const Machine*> CommandContext::machine(const QString& nameOrId) {
    Library* opened = TRY(library());
    const MachineId id = TRY(opened->resolve(nameOrId));
    return opened->find(id);
}

Result<CommandContext::Running> CommandContext::running(const QString& nameOrId) {
    const Machine* found = TRY(machine(nameOrId));
    Supervisor* watcher = TRY(supervisor());
    WorkerConnection* worker = watcher->connection(found->id);
    if (!worker)
        return fail(ErrorCode::WrongState, "Machine \"" +
                                               printable(found->settings.name).toStdString() +
                                               "\" is not running; start it first.");
    return Running{found, watcher, worker};
}

std::optional<Error> CommandContext::waitFor(QFuture<void> future, int timeoutMs) {
    if (!future.isFinished()) {
        Waiter waiter;
        QFutureWatcher<void> watcher;
        QObject::connect(&watcher, &QFutureWatcher<void>::finished, [&] { waiter.finish(); });
        watcher.setFuture(future);
        if (auto waited = waiter.wait(timeoutMs); !waited) {
            future.cancel();
            return waited.error();
        }
    }
    if (future.isCanceled())
        return fail(ErrorCode::Cancelled, "The operation was cancelled.");
    return std::nullopt;
}

Result<void> CommandContext::Waiter::wait(int timeoutMs) {
    InterruptWatcher interrupt([this] { fail(Error{ErrorCode::Cancelled, 0, "Interrupted."}); });
    QTimer timer;
    timer.setSingleShot(true);
    QObject::connect(&timer, &QTimer::timeout, [this] {
        fail(Error{ErrorCode::Timeout, 0, "The time is over."});
    });
    if (timeoutMs >= 0)
        timer.start(timeoutMs);
    if (!m_finished)
        m_loop.exec();
    if (m_error)
        return *m_error;
    return {};
}

CLI::App& CommandTable::add(const char* name, const char* description) {
    return *m_application.add_subcommand(name, description);
}

void CommandTable::setAction(CLI::App& command, CommandFunction function) {
    command.callback([this, function = std::move(function)] { m_chosen = function; });
}

} // namespace vivarium::cli
