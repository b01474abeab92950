// Opens a library of 2,000 machines (made on the first call) and prints how long it took.
// Usage: library_bench FOLDER COUNT

#include "core/database/library.h"

#include <QCoreApplication>
#include <QElapsedTimer>

#include <cstdio>
#include <cstdlib>

using namespace vivarium;

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
        }
    }
    QElapsedTimer timer;
    timer.start();
    auto library = Library::open(folder);
    const qint64 elapsedNs = timer.nsecsElapsed();
    if (!library || (*library)->machines().size() < count)
        return 1;
    std::printf("{\"machines\": %lld, \"open_ms\": %.3f}\n",
                static_cast<long long>((*library)->machines().size()),
                static_cast<double>(elapsedNs) / 1e6);
    return 0;
}
