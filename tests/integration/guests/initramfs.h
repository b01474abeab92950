#pragma once

#include <QString>

#include <vector>

namespace vivarium::test {

struct InitramfsFile {
    QString path;   // in the guest, without the first slash
    QString source; // on this machine; everything is executable
};

// An uncompressed initial RAM file system (cpio, "newc") with these files and their folders.
bool writeInitramfs(const QString& path, const std::vector<InitramfsFile>& files);

// Where packaging/unpack_guests puts Debian's cloud kernel.
QString guestKernel();
// The built programs/exercise.c.
QString exerciseProgram();

} // namespace vivarium::test
