#pragma once

#include "core/database/library.h"
#include "core/database/library_store.h"
#include "core/database/machine_lock.h"
#include "core/database/operation_lock.h"
#include "core/jobs/background.h"
#include "core/jobs/image_tool.h"
#include "core/jobs/when_done.h"
#include "core/supervisor/supervisor.h"
#include "vmm/base/crash_points.h"

#include <QMetaObject>
#include <QSemaphore>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

namespace vivarium {

// What all operations of one SnapshotService share; outlives them.
struct SnapshotEnvironment {
    Library& library;
    Supervisor& supervisor;
    ImageTool tool;
    std::function<void()> beforeStep; // for tests
    QObject& context;                 // on the library's thread
};

// One operation on one machine, on a thread of the service's pool, which may block. Database calls
// and requests to the worker go to their threads and are waited for.
class SnapshotOperation {
public:
    SnapshotOperation(SnapshotEnvironment& environment, const MachineId& machine,
                      Progress& progress)
        : m_environment(environment), m_machine(machine), m_progress(progress) {}

    // Takes the machine's operation lock and settles what an interrupted operation left. Errors:
    // NotFound, Busy.
    Result<void> begin();
    // Takes the machine's lock: it cannot be started until the operation is over. False: it runs.
    Result<bool> holdStopped();
    // The same of a machine whose run is over or about to be: that its worker has gone may not have
    // been noticed yet.
    Result<bool> holdAfterEnd();
    bool stopped() const { return m_machineLock.has_value(); }
    const RunRecord& runRecord() const { return m_record; }

    const MachineId& machineId() const { return m_machine; }
    // As it was stored at begin() or refresh().
    const Machine& machine() const { return m_stored; }
    Result<void> refresh();
    const ImageTool& tool() const { return m_environment.tool; }
    Progress& progress() { return m_progress; }
    SnapshotEnvironment& environment() { return m_environment; }
    Result<void> checkCancelled() const;

    // A change of files or the database comes next.
    void step() const {
        crashPoint();
        if (m_environment.beforeStep)
            m_environment.beforeStep();
    }
    // Runs `function(SnapshotDatabase&)`, which returns a Result, on the database thread.
    template <class Function>
    auto database(Function function) const {
        using T = std::invoke_result_t<Function, SnapshotDatabase&>;
        step();
        QFuture<T> future =
            m_environment.library.store().run<T>([&function](LibraryDatabase& library) {
                SnapshotDatabase rules = library.snapshots();
                return function(rules);
            });
        future.waitForFinished(); // the change is announced by then, which a result does not say
        return future.result();
    }

    // Sends a request to the machine's worker and waits for the reply. Cancelling the operation
    // cancels the worker's job. Errors: WrongState (it does not run), Disconnected, the worker's.
    template <class Request>
    Result<WorkerReply<typename Request::Reply>> ask(const Request& request,
                                                     std::vector<UniqueFd> descriptors = {}) {
        using Answer = Result<WorkerReply<typename Request::Reply>>;
        struct Exchange {
            std::optional<Answer> answer;
            std::vector<UniqueFd> descriptors;
            QSemaphore done;
        };
        auto exchange = std::make_shared<Exchange>();
        exchange->descriptors = std::move(descriptors);
        auto counters = std::make_shared<Counters>();
        onLibraryThread([exchange, counters, request, id = m_machine,
                         &environment = m_environment] {
            WorkerConnection* worker = environment.supervisor.connection(id);
            if (!worker) {
                exchange->answer =
                    Answer(fail(ErrorCode::WrongState, "The machine's worker cannot be reached."));
                exchange->done.release();
                return;
            }
            auto* listener = new QObject(&environment.context); // until the reply
            QObject::connect(worker, &WorkerConnection::jobProgress, listener,
                             [counters](const control::JobProgress& event) {
                                 counters->doneBytes = event.doneBytes;
                                 counters->totalBytes = event.totalBytes;
                             });
            whenDone(listener, worker->send(request, std::move(exchange->descriptors)),
                     [exchange, listener](const Answer& answer) {
                         exchange->answer = answer;
                         exchange->done.release();
                         listener->deleteLater();
                     });
        });
        wait(exchange->done, *counters);
        return std::move(*exchange->answer);
    }
    // Cuts the power of a running machine and waits until its worker is gone.
    Result<void> powerOff();
    // Runs on the library's thread; does not wait.
    void onLibraryThread(std::function<void()> function) const {
        QMetaObject::invokeMethod(&m_environment.context, std::move(function),
                                  Qt::QueuedConnection);
    }

    // Deletes files of the machine that no row names (any more), and folders that are empty then.
    void removeFiles(const QStringList& paths) const;
    // Deletes what the database counts as obsolete.
    Result<void> removeObsolete() const;

private:
    bool hasWorker() const;
    struct Counters {
        std::atomic<uint64_t> doneBytes = 0, totalBytes = 0;
    };
    void wait(QSemaphore& done, const Counters& counters);

    SnapshotEnvironment& m_environment;
    const MachineId m_machine;
    Progress& m_progress;
    Machine m_stored;
    std::optional<OperationLock> m_lock;
    std::optional<MachineLock> m_machineLock;
    RunRecord m_record;
};

} // namespace vivarium
