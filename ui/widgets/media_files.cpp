#include "ui/widgets/media_files.h"

#include <QCoreApplication>
#include <QDir>

namespace vivarium {

namespace {
class MediaFiles {
    Q_DECLARE_TR_FUNCTIONS(MediaFiles)
};
} // namespace

QString opticalImageFilters() {
    return MediaFiles::tr("Optical disk images (*.iso *.ISO *.img *.cdr);;All files (*)");
}

QString diskImageFilters() {
    return MediaFiles::tr("Hard disk images (*.qcow2 *.img *.raw *.dd);;All files (*)");
}

QString mediaFolder(const Preferences& preferences) {
    return preferences.mediaFolder.isEmpty() ? QDir::homePath() : preferences.mediaFolder;
}

QStringList knownOpticalImages(const Library& library) {
    QStringList images;
    for (const Machine& machine : library.machines())
        for (const DriveSettings& drive : machine.settings.drives)
            if (drive.type == DriveType::Optical && !drive.path.isEmpty() &&
                images.size() < kMaxKnownImages && !images.contains(drive.path))
                images << drive.path;
    images.sort();
    return images;
}

} // namespace vivarium
