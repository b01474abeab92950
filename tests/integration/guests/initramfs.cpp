#include "tests/integration/guests/initramfs.h"

#include <QDir>
#include <QFile>
#include <QSet>

namespace vivarium::test {

namespace {

constexpr int kFolderMode = 040755, kProgramMode = 0100755;
constexpr int kAlignment = 4;

void pad(QByteArray& archive) {
    archive.append((kAlignment - archive.size() % kAlignment) % kAlignment, '\0');
}

// One entry (Linux, Documentation/driver-api/early-userspace/buffer-format.rst): 13 numbers of
// eight hexadecimal digits, the name with its zero, the contents; both padded.
void append(QByteArray& archive, int number, const QByteArray& name, int mode,
            const QByteArray& contents) {
    const qsizetype fields[] = {number,          mode, 0, 0, 1, 0, contents.size(), 0, 0, 0, 0,
                                name.size() + 1, 0};
    archive += "070701";
    for (const qsizetype field : fields)
        archive += QByteArray::number(field, 16).rightJustified(8, '0');
    archive += name;
    archive.append('\0');
    pad(archive);
    archive += contents;
    pad(archive);
}

} // namespace

bool writeInitramfs(const QString& path, const std::vector<InitramfsFile>& files) {
    QByteArray archive;
    QSet<QString> folders;
    int number = 1;
    for (const InitramfsFile& file : files) {
        const QString folder = file.path.section(u'/', 0, -2);
        if (!folder.isEmpty() && !folders.contains(folder)) {
            folders.insert(folder);
            append(archive, number++, folder.toUtf8(), kFolderMode, {});
        }
        QFile source(file.source);
        if (!source.open(QIODevice::ReadOnly))
            return false;
        append(archive, number++, file.path.toUtf8(), kProgramMode, source.readAll());
    }
    append(archive, 0, "TRAILER!!!", 0, {});
    QFile out(path);
    return out.open(QIODevice::WriteOnly) && out.write(archive) == archive.size();
}

QString guestKernel() {
    const QDir boot(QStringLiteral(VIVARIUM_GUEST_DIR "/linux-image-cloud-amd64/boot"));
    const QStringList kernels = boot.entryList({QStringLiteral("vmlinuz-*")});
    return boot.filePath(kernels.value(0, QStringLiteral("vmlinuz")));
}

QString exerciseProgram() {
    return QStringLiteral(VIVARIUM_GUEST_PROGRAM);
}

} // namespace vivarium::test
