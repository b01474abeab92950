#pragma once

#include "vmm/base/result.h"

#include <QByteArray>

namespace vivarium {

constexpr int kThumbnailPixels = 320; // the longer side, at most

// A screenshot (PNG) in the size of a thumbnail, as PNG. Error: Corrupt.
Result<QByteArray> makeThumbnail(const QByteArray& screenshot);

} // namespace vivarium
