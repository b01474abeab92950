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

QByteArray makeInitramfs(const std::vector<InitramfsFile>& files) {
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
            return {};
        append(archive, number++, file.path.toUtf8(), kProgramMode, source.readAll());
    }
    append(archive, 0, "TRAILER!!!", 0, {});
    return archive;
}

QString guestFile(const QString& package, const QString& pattern) {
    const QDir folder(QStringLiteral(VIVARIUM_GUEST_DIR "/") + package + u'/' +
                      pattern.section(u'/', 0, -2));
    const QStringList names = folder.entryList({pattern.section(u'/', -1)});
    return folder.filePath(names.value(0, pattern.section(u'/', -1)));
}

QString exerciseProgram() {
    return QStringLiteral(VIVARIUM_GUEST_PROGRAM);
}

} // namespace vivarium::test
