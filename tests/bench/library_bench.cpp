// Opens a library of many machines with five snapshots each (made on the first call) and prints how
// long it took until every tree was there.
// Usage: library_bench FOLDER COUNT

#include "core/database/library.h"
#include "core/database/library_store.h"

#include <QCoreApplication>
#include <QElapsedTimer>

#include <cstdio>
#include <cstdlib>

using namespace vivarium;

namespace {

constexpr int kSnapshotsEach = 5;

Result<void> addSnapshots(LibraryDatabase& database, const Machine& machine) {
    SnapshotDatabase rules = database.snapshots();
    for (int i = 1; i <= kSnapshotsEach; ++i) {
        SnapshotRecord record;
        record.snapshot.id = SnapshotId::createRandom();
        record.snapshot.machine = machine.id;
        record.snapshot.name = QStringLiteral("Snapshot %1").arg(i);
        record.snapshot.createdAt = QDateTime::currentDateTimeUtc();
        record.settings = machine.settings;
        TRY(rules.commitTake(record, SnapshotDatabase::Memory::None, {}, 0));
    }
    return {};
}

} // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    if (argc != 3)
        return 2;
    const QString folder = QString::fromLocal8Bit(argv[1]);
    const int count = std::atoi(argv[2]);
    {
        auto library = Library::open(folder);
        if (!library) {
            std::fprintf(stderr, "%s\n", library.error().detail.c_str());
            return 1;
        }
        for (int i = static_cast<int>((*library)->machines().size()); i < count; ++i) {
            Machine machine;
            machine.settings.name = QStringLiteral("machine %1").arg(i, 5, 10, QLatin1Char('0'));
            machine.group = QStringLiteral("group %1").arg(i % 20);
            machine.tags = {QStringLiteral("bench")};
            auto added = (*library)->add(machine).result();
            if (!added) {
                std::fprintf(stderr, "%s\n", added.error().detail.c_str());
                return 1;
            }
            machine.id = *added;
            const auto taken = (*library)
                                   ->store()
                                   .run<Result<void>>([machine](LibraryDatabase& database) {
                                       return addSnapshots(database, machine);
                                   })
                                   .result();
            if (!taken) {
                std::fprintf(stderr, "%s\n", taken.error().detail.c_str());
                return 1;
            }
        }
    }
    QElapsedTimer timer;
    timer.start();
    auto library = Library::open(folder);
    const qint64 elapsedNs = timer.nsecsElapsed();
    if (!library || (*library)->machines().size() < count)
        return 1;
    qsizetype snapshots = 0;
    for (const Machine& machine : (*library)->machines())
        snapshots += (*library)->snapshots(machine.id).size();
    std::printf("{\"machines\": %lld, \"snapshots\": %lld, \"open_ms\": %.3f}\n",
                static_cast<long long>((*library)->machines().size()),
                static_cast<long long>(snapshots), static_cast<double>(elapsedNs) / 1e6);
    return 0;
}
