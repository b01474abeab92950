#include "core/database/library.h"

#include "core/database/library_store.h"

#include <QLocale>
#include <QSet>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kMinIdPrefix = 8; // characters of an id that stand for it

LibraryDatabase::Files storeFiles(Library::Files files) {
    switch (files) {
    case Library::Files::Keep:
        return LibraryDatabase::Files::Keep;
    case Library::Files::Delete:
        return LibraryDatabase::Files::Delete;
    }
    return LibraryDatabase::Files::Keep;
}

// The user's language; the "C" locale orders by code point, which is nobody's order.
QLocale orderLocale() {
    const QLocale system;
    return system.language() == QLocale::C ? QLocale(QLocale::English) : system;
}

} // namespace

struct Library::SortKey {
    QCollatorSortKey group, name;
    MachineId id;
    friend bool operator<(const SortKey& a, const SortKey& b) {
        if (const int order = a.group.compare(b.group))
            return order < 0;
        if (const int order = a.name.compare(b.name))
            return order < 0;
        return a.id < b.id;
    }
};

Result<std::unique_ptr<Library>> Library::open(const QString& folder,
                                               const QString& machinesFolder) {
    const QString machines = machinesFolder.isEmpty() ? folder + u"/machines"_s : machinesFolder;
    LibraryStore::Opened opened = TRY(LibraryStore::open(folder, machines));
    std::unique_ptr<Library> library(
        new Library(std::move(opened.store))); // the constructor is private
    library->m_folder = folder;
    library->m_trees = std::move(opened.content.trees);
    library->setInitial(std::move(opened.content.changed));
    return library;
}

Library::Library(std::unique_ptr<LibraryStore> store)
    : m_collator(orderLocale()), m_store(std::move(store)) {
    m_collator.setNumericMode(true); // "web 9" before "web 10"
    m_collator.setCaseSensitivity(Qt::CaseInsensitive);
    m_store->setListener(this, [this](const LibraryChange& change) { apply(change); });
}

Library::~Library() = default;

Library::SortKey Library::sortKey(const Machine& machine) const {
    return {m_collator.sortKey(machine.group), m_collator.sortKey(machine.settings.name),
            machine.id};
}

void Library::setInitial(QList<Machine> machines) {
    QList<std::pair<SortKey, int>> order;
    order.reserve(machines.size());
    for (int i = 0; i < machines.size(); ++i)
        order.append({sortKey(machines.at(i)), i});
    std::sort(order.begin(), order.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    m_machines.reserve(machines.size());
    m_sortKeys.reserve(static_cast<size_t>(machines.size()));
    for (const auto& [key, index] : order) {
        m_machines.append(std::move(machines[index]));
        m_sortKeys.push_back(key);
    }
    reindexFrom(0);
}

void Library::reindexFrom(int index) {
    for (int i = index; i < m_machines.size(); ++i)
        m_indexById.insert(m_machines.at(i).id, i);
}

QString Library::folder() const {
    return m_folder;
}

const QList<Machine>& Library::machines() const {
    return m_machines;
}

const Machine* Library::find(const MachineId& id) const {
    const auto it = m_indexById.constFind(id);
    return it == m_indexById.constEnd() ? nullptr : &m_machines.at(*it);
}

const QList<Snapshot>& Library::snapshots(const MachineId& id) const {
    static const QList<Snapshot> kNone;
    const auto it = m_trees.constFind(id);
    return it == m_trees.constEnd() ? kNone : *it;
}

LibraryStore& Library::store() {
    return *m_store;
}

Result<MachineId> Library::resolve(const QString& nameOrId) const {
    for (const Machine& machine : m_machines)
        if (machine.settings.name == nameOrId)
            return machine.id;
    QList<MachineId> matches;
    if (nameOrId.size() >= kMinIdPrefix)
        for (const Machine& machine : m_machines)
            if (machine.id.toString().startsWith(nameOrId, Qt::CaseInsensitive))
                matches.append(machine.id);
    if (matches.size() == 1)
        return matches.first();
    const QString shown = nameOrId.left(80).simplified();
    if (matches.isEmpty())
        return fail(ErrorCode::NotFound,
                    u"There is no machine called “%1”."_s.arg(shown).toStdString());
    return fail(ErrorCode::InvalidArgument,
                u"“%1” stands for %2 machines; give more of the id."_s.arg(shown)
                    .arg(matches.size())
                    .toStdString());
}

QFuture<Result<MachineId>> Library::add(Machine machine) {
    return m_store->run<Result<MachineId>>(
        [machine = std::move(machine)](LibraryDatabase& database) {
            return database.add(machine);
        });
}

QFuture<Result<void>> Library::update(const Machine& machine) {
    return m_store->run<Result<void>>(
        [machine](LibraryDatabase& database) { return database.update(machine); });
}

QFuture<Result<void>> Library::remove(const MachineId& id, Files files) {
    return m_store->run<Result<void>>([id, files = storeFiles(files)](LibraryDatabase& database) {
        return database.remove(id, files);
    });
}

QFuture<Result<void>> Library::setLastSeenRunning(const MachineId& id, bool running) {
    return m_store->run<Result<void>>([id, running](LibraryDatabase& database) {
        return database.setLastSeenRunning(id, running);
    });
}

QFuture<Result<void>> Library::recordStart(const MachineId& id, const QString& detail) {
    return m_store->run<Result<void>>(
        [id, detail](LibraryDatabase& database) { return database.recordStart(id, detail); });
}

QFuture<Result<bool>> Library::recordEnd(const MachineId& id, MachineEvent::Kind kind,
                                         const QString& detail) {
    return m_store->run<Result<bool>>([id, kind, detail](LibraryDatabase& database) {
        return database.recordEnd(id, kind, detail);
    });
}

QFuture<Result<void>> Library::appendEvent(const MachineId& id, MachineEvent::Kind kind,
                                           const QString& detail) {
    return m_store->run<Result<void>>([id, kind, detail](LibraryDatabase& database) {
        return database.appendEvent(id, kind, detail);
    });
}

QFuture<QList<MachineEvent>> Library::events(const MachineId& id, int limit) {
    return m_store->run<QList<MachineEvent>>([id, limit](LibraryDatabase& database) {
        return database.events(id, limit).value_or(QList<MachineEvent>());
    });
}

QFuture<Result<QList<DiskLayer>>> Library::layersOf(const QStringList& tops) {
    return m_store->run<Result<QList<DiskLayer>>>(
        [tops](LibraryDatabase& database) { return database.layersOf(tops); });
}

QFuture<Result<QList<DiskLayer>>> Library::layers() {
    return m_store->run<Result<QList<DiskLayer>>>(
        [](LibraryDatabase& database) { return database.layers(); });
}

QFuture<Result<LayerUsers>> Library::layerUsers(const QString& path) {
    return m_store->run<Result<LayerUsers>>(
        [path](LibraryDatabase& database) { return database.layerUsers(path); });
}

QFuture<Result<void>> Library::learnLayers(const QList<DiskLayer>& layers) {
    return m_store->run<Result<void>>(
        [layers](LibraryDatabase& database) { return database.learnLayers(layers); });
}

QStringList Library::groups() const {
    QStringList groups;
    for (const Machine& machine : m_machines) // in order, so equal groups stand together
        if (!machine.group.isEmpty() && (groups.isEmpty() || groups.last() != machine.group))
            groups << machine.group;
    return groups;
}

QStringList Library::tags() const {
    QSet<QString> tags;
    for (const Machine& machine : m_machines)
        for (const QString& tag : machine.tags)
            tags.insert(tag);
    QStringList list(tags.begin(), tags.end());
    std::sort(list.begin(), list.end(), m_collator);
    return list;
}

void Library::apply(const LibraryChange& change) {
    for (const MachineId& id : change.removed)
        removeFromCache(id);
    for (const Machine& machine : change.changed) {
        if (m_indexById.contains(machine.id))
            changeInCache(machine);
        else
            addToCache(machine);
    }
    for (auto it = change.trees.begin(); it != change.trees.end(); ++it) {
        if (m_indexById.contains(it.key()))
            m_trees.insert(it.key(), it.value());
        Q_EMIT
        snapshotsChanged(it.key());
    }
    for (const MachineEvent& event : change.events)
        Q_EMIT
    eventAppended(event);
}

void Library::addToCache(const Machine& machine) {
    const SortKey key = sortKey(machine);
    const auto place = std::lower_bound(m_sortKeys.begin(), m_sortKeys.end(), key);
    const int index = static_cast<int>(place - m_sortKeys.begin());
    Q_EMIT
    machineAboutToBeAdded(index);
    m_sortKeys.insert(place, key);
    m_machines.insert(index, machine);
    reindexFrom(index);
    Q_EMIT
    machineAdded(index);
}

void Library::removeFromCache(const MachineId& id) {
    const auto it = m_indexById.constFind(id);
    if (it == m_indexById.constEnd())
        return;
    const int index = *it;
    Q_EMIT
    machineAboutToBeRemoved(index);
    m_indexById.remove(id);
    m_trees.remove(id);
    m_sortKeys.erase(m_sortKeys.begin() + index);
    m_machines.removeAt(index);
    reindexFrom(index);
    Q_EMIT
    machineRemoved(index);
}

void Library::changeInCache(const Machine& machine) {
    const int from = m_indexById.value(machine.id);
    if (m_machines.at(from) == machine)
        return;
    SortKey key = sortKey(machine);
    // Its place among the others: those before it and those behind it are each in order.
    const auto begin = m_sortKeys.begin();
    int to = static_cast<int>(std::lower_bound(begin, begin + from, key) - begin);
    if (to == from)
        to = static_cast<int>(std::lower_bound(begin + from + 1, m_sortKeys.end(), key) - begin);
    if (to == from || to == from + 1) {
        m_sortKeys[static_cast<size_t>(from)] = std::move(key);
        m_machines[from] = machine;
        Q_EMIT
        machineChanged(from);
        return;
    }
    Q_EMIT
    machineAboutToBeMoved(from, to);
    const int index = to > from ? to - 1 : to;
    m_sortKeys.erase(begin + from);
    m_sortKeys.insert(m_sortKeys.begin() + index, std::move(key));
    m_machines.move(from, index);
    reindexFrom(std::min(from, index));
    Q_EMIT
    machineMoved(from, to);
    m_machines[index] = machine;
    Q_EMIT
    machineChanged(index);
}

} // namespace vivarium
