#pragma once

#include <QString>

#include <sys/stat.h>

namespace vivarium {

// Inode, size and time of the last write: differs once a file was written to or replaced. Text of
// at most 64 characters, for comparison only.
QString fileStamp(const struct stat& status);
// Of the file at `path`; empty when there is none.
QString fileStamp(const QString& path);

} // namespace vivarium
