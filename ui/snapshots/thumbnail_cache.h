#pragma once

#include <QHash>
#include <QImage>
#include <QObject>
#include <QSet>
#include <QString>

namespace vivarium {

// The thumbnails of snapshots, read away from the GUI thread when they are first asked for. A file
// of a thumbnail never changes, so nothing is read twice. GUI thread.
class ThumbnailCache : public QObject {
    Q_OBJECT
public:
    static constexpr qsizetype kMaxPictures = 512; // at most 320 x 320 each

    using QObject::QObject;

    // Null while it is being read, and when it cannot be.
    QImage find(const QString& path);

Q_SIGNALS:
    void loaded(const QString& path);

private:
    QHash<QString, QImage> m_pictures; // null: unreadable
    QSet<QString> m_loading;
};

} // namespace vivarium
