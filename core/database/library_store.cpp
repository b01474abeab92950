#include "core/database/library_store.h"

#include "vmm/base/log.h"

#include <QFileSystemWatcher>
#include <QMetaObject>
#include <QTimer>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kFirstRecheckMs = 5;
constexpr int kRecheckGrowth = 8;
constexpr int kLastRecheckMs = 320;

} // namespace

LibraryStore::LibraryStore() : m_context(std::make_unique<QObject>()) {
    m_thread.setObjectName(u"library"_s);
    m_context->moveToThread(&m_thread);
    m_thread.start();
}

LibraryStore::~LibraryStore() {
    // Queued behind every operation; quitting directly would drop them.
    post([this] {
        m_recheck.reset();
        m_watcher.reset();
        m_database.reset();
        m_thread.quit();
    });
    m_thread.wait();
}

void LibraryStore::post(std::function<void()> task) {
    QMetaObject::invokeMethod(m_context.get(), std::move(task), Qt::QueuedConnection);
}

Result<LibraryStore::Opened> LibraryStore::open(const QString& folder,
                                                const QString& machinesFolder) {
    std::unique_ptr<LibraryStore> store(new LibraryStore); // the constructor is private
    // Shared: the result is there, and this function gone, before the promise has finished.
    auto promise = std::make_shared<QPromise<Result<LibraryChange>>>();
    promise->start();
    auto opened = promise->future();
    store->post([opening = store.get(), promise, folder, machinesFolder] {
        promise->addResult(opening->openHere(folder, machinesFolder));
        promise->finish();
    });
    const Result<LibraryChange> content = opened.result();
    if (!content)
        return content.error();
    return Opened{std::move(store), *content};
}

Result<LibraryChange> LibraryStore::openHere(const QString& folder, const QString& machinesFolder) {
    m_database = TRY(LibraryDatabase::open(folder, machinesFolder));
    TRY(m_database->changedByOthers()); // what came before is in the first reading
    return m_database->takeChanges();
}

void LibraryStore::setListener(QObject* receiver,
                               std::function<void(const LibraryChange&)> listener) {
    post([this, receiver, listener = std::move(listener)] {
        m_receiver = receiver;
        m_listener = listener;
        watch();
    });
}

void LibraryStore::watch() {
    // Every commit is a write to the write-ahead log, which exists as long as this connection does.
    m_watcher = std::make_unique<QFileSystemWatcher>(QStringList{m_database->path() + u"-wal"_s});
    m_recheck = std::make_unique<QTimer>();
    m_recheck->setSingleShot(true);
    QObject::connect(m_watcher.get(), &QFileSystemWatcher::fileChanged, m_context.get(),
                     [this] { lookForChanges(kFirstRecheckMs); });
    QObject::connect(m_recheck.get(), &QTimer::timeout, m_context.get(),
                     [this] { lookForChanges(m_recheck->interval() * kRecheckGrowth); });
    announceChanges(); // commits between the first reading and now
}

void LibraryStore::lookForChanges(int nextRecheckMs) {
    const Result<bool> changed = m_database->changedByOthers();
    if (changed && *changed)
        announceChanges();
    // The log is written before the commit can be seen, so the file system's message may come too
    // early, and no other follows.
    if (nextRecheckMs <= kLastRecheckMs)
        m_recheck->start(nextRecheckMs);
}

void LibraryStore::announceChanges() {
    if (!m_listener)
        return;
    const Result<LibraryChange> change = m_database->takeChanges();
    if (!change) {
        logWarning("library", change.error().detail);
        return;
    }
    if (!change->empty())
        QMetaObject::invokeMethod(
            m_receiver, [listener = m_listener, change = *change] { listener(change); },
            Qt::QueuedConnection);
}

} // namespace vivarium
