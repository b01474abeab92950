#pragma once

#include "core/database/library.h"
#include "core/settings/application_paths.h"
#include "core/snapshots/snapshot_service.h"
#include "core/supervisor/supervisor.h"

#include <QEventLoop>
#include <QFuture>
#include <QFutureWatcher>

#include <functional>
#include <memory>

namespace CLI {
class App;
}

namespace vivarium::cli {

// What commands work with. The library and the supervisor are opened on first use, so that `viv
// --help` touches nothing. Main thread.
class CommandContext {
public:
    CommandContext();
    ~CommandContext();

    Result<Library*> library();
    // With every running machine's state known.
    Result<Supervisor*> supervisor();
    // With what interrupted programs left being settled.
    Result<SnapshotService*> snapshots();
    // The machine called `nameOrId`. The pointer is valid until the library changes.
    Result<const Machine*> machine(const QString& nameOrId);
    struct Running {
        const Machine* machine;
        Supervisor* supervisor;
        WorkerConnection* worker;
    };
    // The machine and its worker; WrongState when it does not run.
    Result<Running> running(const QString& nameOrId);

    // Runs the event loop until the future is finished and returns its result; a cancelled future
    // (interrupt, `cancelAfterMs`) gives Cancelled or Timeout. -1 waits for ever.
    template <class T>
    Result<T> await(QFuture<Result<T>> future, int timeoutMs = -1) {
        if (auto error = waitFor(QFuture<void>(future), timeoutMs))
            return *error;
        return future.result();
    }
    // Sends a request to a worker and waits for the reply.
    template <class Request>
    Result<WorkerReply<typename Request::Reply>> request(WorkerConnection& worker,
                                                         const Request& request,
                                                         std::vector<UniqueFd> descriptors = {}) {
        return await(worker.send(request, std::move(descriptors)));
    }
    // Runs the event loop until `done` says so (asked after every event that `poke` announces), the
    // time is over (Timeout) or the user interrupts (Cancelled). -1 waits for ever.
    class Waiter;

private:
    QString machinesFolder() const; // of new machines
    std::optional<Error> waitFor(QFuture<void> future, int timeoutMs);

    ApplicationPaths m_paths;
    std::unique_ptr<Library> m_library;
    std::unique_ptr<Supervisor> m_supervisor;
    std::unique_ptr<SnapshotService> m_snapshots;
};

// Waits in the event loop for something that signals announce.
class CommandContext::Waiter {
public:
    // Ends `wait` with success; any number of calls, also before `wait`.
    void finish() {
        m_finished = true;
        m_loop.quit();
    }
    void fail(Error error) {
        m_error = std::move(error);
        finish();
    }
    // Timeout after `timeoutMs` (-1: never), Cancelled on SIGINT or SIGTERM.
    Result<void> wait(int timeoutMs);

private:
    QEventLoop m_loop;
    bool m_finished = false;
    std::optional<Error> m_error;
};

// A command's work; returns the process's exit status.
using CommandFunction = std::function<int(CommandContext&)>;

// Registers a command's action with its CLI11 sub-command; main runs the one that was chosen.
class CommandTable {
public:
    explicit CommandTable(CLI::App& application) : m_application(application) {}
    CLI::App& add(const char* name, const char* description);
    void setAction(CLI::App& command, CommandFunction function);
    const CommandFunction* chosen() const { return m_chosen ? &m_chosen : nullptr; }
    CLI::App& application() { return m_application; }

private:
    CLI::App& m_application;
    CommandFunction m_chosen;
};

} // namespace vivarium::cli
