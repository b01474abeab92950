#pragma once

#include <QMap>
#include <QString>
#include <QStringList>

namespace vivarium::test {

// Which folder may include which, folder pair by folder pair; a folder may always include itself and
// what lies below it. The longest key that is a prefix of a file's folder rules it; "X/*" allows
// everything under X. Tests (x_test.cpp, x_fuzz.cpp) may also include tests/support and Qt Test.
inline QMap<QString, QStringList> layerTable() {
    using Q = QStringList;
    const QString base = QStringLiteral("vmm/base");
    const QString memory = QStringLiteral("vmm/memory");
    const QString bus = QStringLiteral("vmm/bus");
    const QString snapshot = QStringLiteral("vmm/snapshot");
    const QString control = QStringLiteral("vmm/control");
    const QString disk = QStringLiteral("vmm/disk");
    const QString pci = QStringLiteral("vmm/devices/pci");
    return {
        {QStringLiteral("vmm/base"), {}},
        {QStringLiteral("vmm/memory"), Q{base}},
        {QStringLiteral("vmm/snapshot"), Q{base}},
        {QStringLiteral("vmm/bus"), Q{base, snapshot}},
        {QStringLiteral("vmm/kvm"), Q{base, memory, bus, snapshot}},
        {QStringLiteral("vmm/softcpu"),
         Q{base, memory, bus, snapshot, QStringLiteral("vmm/kvm"),
           QStringLiteral("vmm/devices/interrupt")}},
        {QStringLiteral("vmm/firmware"), Q{base, memory, bus}},
        {QStringLiteral("vmm/backends"), Q{base, bus}},
        {QStringLiteral("vmm/backends/vnc"),
         Q{base, bus, QStringLiteral("vmm/backends/display"), QStringLiteral("vmm/backends/input")}},
        {QStringLiteral("vmm/disk"), Q{base}},
        {QStringLiteral("vmm/devices"), Q{base, memory, bus, snapshot, pci}},
        {QStringLiteral("vmm/devices/input"),
         Q{base, bus, snapshot, QStringLiteral("vmm/backends/input")}},
        {QStringLiteral("vmm/devices/serial"),
         Q{base, bus, snapshot, QStringLiteral("vmm/backends/serial")}},
        {QStringLiteral("vmm/devices/display"),
         Q{base, memory, bus, snapshot, pci, QStringLiteral("vmm/backends/display")}},
        {QStringLiteral("vmm/devices/storage"), Q{base, memory, bus, snapshot, pci, disk}},
        {QStringLiteral("vmm/devices/virtio/block"),
         Q{base, memory, bus, snapshot, pci, disk, QStringLiteral("vmm/devices/storage"),
           QStringLiteral("vmm/devices/virtio")}},
        {QStringLiteral("vmm/devices/virtio/net"),
         Q{base, memory, bus, snapshot, pci, QStringLiteral("vmm/backends/network"),
           QStringLiteral("vmm/devices/virtio")}},
        {QStringLiteral("vmm/control"), Q{base}},
        {QStringLiteral("vmm/sandbox"), Q{base}},
        {QStringLiteral("vmm/machine"), Q{QStringLiteral("vmm/*")}},
        {QStringLiteral("core"), Q{base, control, QStringLiteral("core/*")}},
        {QStringLiteral("core/model"), Q{base}},
        {QStringLiteral("core/jobs"), Q{base, control}},
        {QStringLiteral("core/disks"),
         Q{base, control, QStringLiteral("core/model"), QStringLiteral("core/jobs"),
           QStringLiteral("core/database")}},
        {QStringLiteral("core/settings"), Q{base}},
        {QStringLiteral("core/database"), Q{base, QStringLiteral("core/model")}},
        {QStringLiteral("core/provision"),
         Q{base, QStringLiteral("core/model"), QStringLiteral("core/jobs")}},
        {QStringLiteral("ui"), Q{base, control, QStringLiteral("core/*"), QStringLiteral("ui/*")}},
        {QStringLiteral("app/gui"),
         Q{base, control, QStringLiteral("core/*"), QStringLiteral("ui/*")}},
        {QStringLiteral("app/cli"), Q{base, control, QStringLiteral("core/*")}},
        {QStringLiteral("app/worker"), Q{QStringLiteral("vmm/*")}},
        {QStringLiteral("app/image"),
         Q{base, control, disk, QStringLiteral("vmm/disk/*"), QStringLiteral("vmm/sandbox")}},
        {QStringLiteral("tests"),
         Q{QStringLiteral("vmm/*"), QStringLiteral("core/*"), QStringLiteral("ui/*"),
           QStringLiteral("tests/*")}},
    };
}

// Qt modules that each layer may use; nothing for the engine.
inline QStringList forbiddenQtPrefixes(const QString& folder) {
    if (folder.startsWith(QStringLiteral("vmm/")) || folder == QStringLiteral("app/worker") ||
        folder == QStringLiteral("app/image"))
        return {QStringLiteral("Q")};
    if (folder.startsWith(QStringLiteral("core/")) || folder.startsWith(QStringLiteral("app/cli")))
        return {QStringLiteral("QWidget"), QStringLiteral("QApplication"),
                QStringLiteral("QGuiApplication"), QStringLiteral("QImage"),
                QStringLiteral("QPixmap"), QStringLiteral("QIcon")};
    return {};
}

constexpr int kMaxLines = 800;

// Files between 800 and 1000 lines, each with its reason.
inline QMap<QString, QString> longFiles() {
    return {};
}
constexpr int kMaxLongFileLines = 1000;

} // namespace vivarium::test
