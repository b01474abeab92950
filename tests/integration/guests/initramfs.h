#pragma once

#include <QByteArray>
#include <QString>

#include <vector>

namespace vivarium::test {

struct InitramfsFile {
    QString path;   // in the guest, without the first slash
    QString source; // on this machine; everything is executable
};

// An uncompressed initial RAM file system (cpio, "newc") with these files and their folders; empty
// when one of them cannot be read.
QByteArray makeInitramfs(const std::vector<InitramfsFile>& files);

// A file of a package that packaging/unpack_guests has unpacked, such as "boot/vmlinuz-*" of
// "linux-image-cloud-amd64".
QString guestFile(const QString& package, const QString& pattern);
// The built programs/exercise.c.
QString exerciseProgram();

} // namespace vivarium::test
