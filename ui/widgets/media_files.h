#pragma once

#include "core/database/library.h"
#include "core/settings/preferences.h"

#include <QString>
#include <QStringList>

namespace vivarium {

// Name filters of file dialogs for optical images and for disks.
QString opticalImageFilters();
QString diskImageFilters();
// Where such a dialog begins.
QString mediaFolder(const Preferences& preferences);
// Optical images that machines of the library use, each once, at most kMaxKnownImages.
constexpr int kMaxKnownImages = 10;
QStringList knownOpticalImages(const Library& library);

} // namespace vivarium
