#pragma once

#include "core/database/library_database.h"

#include <QFuture>
#include <QObject>
#include <QPromise>
#include <QThread>

#include <functional>
#include <memory>

class QFileSystemWatcher;
class QTimer;

namespace vivarium {

// The database thread: owns the connection, runs operations in order, notices what other programs
// change. Created and used by one thread, whose event loop receives the changes.
class LibraryStore {
public:
    struct Opened {
        std::unique_ptr<LibraryStore> store;
        LibraryChange content; // all of it
    };
    // Blocks until the library is open and read.
    static Result<Opened> open(const QString& folder, const QString& machinesFolder);
    // Finishes the operations that were asked for.
    ~LibraryStore();

    // `listener` is called on `receiver`'s thread for every change from now on, before the future
    // of the operation that made it finishes its continuations there.
    void setListener(QObject* receiver, std::function<void(const LibraryChange&)> listener);

    // Runs `operation` on the database thread.
    template <class T>
    QFuture<T> run(std::function<T(LibraryDatabase&)> operation) {
        auto promise = std::make_shared<QPromise<T>>();
        promise->start();
        post([this, promise, operation = std::move(operation)] {
            promise->addResult(operation(*m_database));
            announceChanges();
            promise->finish();
        });
        return promise->future();
    }

private:
    LibraryStore();
    void post(std::function<void()> task);
    Result<LibraryChange> openHere(const QString& folder, const QString& machinesFolder);
    void watch();
    void lookForChanges(int nextRecheckMs);
    void announceChanges();

    QThread m_thread;
    std::unique_ptr<QObject> m_context; // lives on m_thread
    // Used on m_thread only.
    std::unique_ptr<LibraryDatabase> m_database;
    std::unique_ptr<QFileSystemWatcher> m_watcher;
    std::unique_ptr<QTimer> m_recheck;
    QObject* m_receiver = nullptr;
    std::function<void(const LibraryChange&)> m_listener;
};

} // namespace vivarium
