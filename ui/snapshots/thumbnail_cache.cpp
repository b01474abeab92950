#include "ui/snapshots/thumbnail_cache.h"

#include "ui/widgets/background.h"
#include "ui/widgets/future_reply.h"

#include <QImageReader>

namespace vivarium {

namespace {

constexpr int kMaxPixels = 4096; // a side: more is no thumbnail of ours

QImage readThumbnail(const QString& path) {
    QImageReader reader(path, "png");
    const QSize size = reader.size();
    if (!size.isValid() || size.width() > kMaxPixels || size.height() > kMaxPixels)
        return {};
    return reader.read();
}

} // namespace

QImage ThumbnailCache::find(const QString& path) {
    if (path.isEmpty())
        return {};
    if (const auto known = m_pictures.constFind(path); known != m_pictures.constEnd())
        return *known;
    if (m_loading.contains(path))
        return {};
    m_loading.insert(path);
    whenFinished(this, computeInBackground([path] { return readThumbnail(path); }),
                 [this, path](const QFuture<QImage>& done) {
                     m_loading.remove(path);
                     if (m_pictures.size() >= kMaxPictures)
                         m_pictures.clear(); // those in view are asked for again
                     m_pictures.insert(path, done.result());
                     Q_EMIT
                     loaded(path);
                 });
    return {};
}

} // namespace vivarium
