#include "core/provision/host_checks.h"

#include <QFile>
#include <QFileInfo>
#include <QStorageInfo>

#include <sched.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

// The value of a line such as "MemTotal:       24633276 kB" of /proc/meminfo, in bytes.
uint64_t memoryField(const QByteArray& text, const QByteArray& name) {
    const auto start = text.indexOf(name + ':');
    if (start < 0)
        return 0;
    const auto end = text.indexOf('\n', start);
    const QByteArray value =
        text.mid(start + name.size() + 1, end - start - name.size() - 1).trimmed();
    return value.left(value.indexOf(' ')).toULongLong() * 1024;
}

} // namespace

HostResources HostResources::read() {
    HostResources host;
    QFile file(u"/proc/meminfo"_s);
    if (file.open(QIODevice::ReadOnly)) {
        const QByteArray text = file.readAll();
        host.memoryBytes = memoryField(text, "MemTotal");
        host.availableMemoryBytes = memoryField(text, "MemAvailable");
    }
    cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        host.cpuCount = static_cast<uint32_t>(CPU_COUNT(&set));
    return host;
}

std::optional<uint64_t> freeBytesAt(const QString& path) {
    QString existing = QFileInfo(path).absoluteFilePath();
    while (!QFileInfo::exists(existing) && existing.contains(u'/'))
        existing.truncate(existing.lastIndexOf(u'/'));
    const QStorageInfo storage(existing.isEmpty() ? u"/"_s : existing);
    if (!storage.isValid() || storage.bytesAvailable() < 0)
        return std::nullopt;
    return static_cast<uint64_t>(storage.bytesAvailable());
}

Result<void> checkHostLimits(const MachineSettings& settings, const HostResources& host) {
    const uint64_t hostMiB = host.memoryBytes >> 20;
    if (hostMiB != 0 && settings.memoryMiB > hostMiB)
        return fail(
            ErrorCode::LimitExceeded,
            u"The machine has %1 MiB of memory, more than the %2 MiB of this computer; give it less."_s
                .arg(settings.memoryMiB)
                .arg(hostMiB)
                .toStdString());
    return {};
}

} // namespace vivarium
