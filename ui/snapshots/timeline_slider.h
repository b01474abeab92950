#pragma once

#include "core/model/snapshot.h"

#include <QAbstractSlider>
#include <QIcon>
#include <QList>

namespace vivarium {

class ThumbnailCache;

// A machine's moments as a strip of pictures along a line, the oldest at the left and the present
// at the right, each as far from the next however much time lies between: what is kept is dense
// lately and sparse long ago. Its value is the moment's place; maximum() is the present. GUI
// thread.
class TimelineSlider : public QAbstractSlider {
    Q_OBJECT
public:
    explicit TimelineSlider(ThumbnailCache& thumbnails, QWidget* parent = nullptr);

    // Oldest first. Keeps the chosen moment where it still exists, and goes to the present
    // otherwise.
    void setSnapshots(const QList<Snapshot>& snapshots);
    // Null: the present. Says nothing.
    void choose(const SnapshotId& snapshot);
    SnapshotId chosen() const { return idAt(value()); }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

Q_SIGNALS:
    // By the user; null: the present.
    void chosenByUser(const vivarium::SnapshotId& snapshot);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void sliderChange(SliderChange change) override;
    bool event(QEvent* event) override;

private:
    SnapshotId idAt(int place) const;
    int placeAt(int x) const;
    int xOf(int place) const;
    QRect pictureRect(int place, const QSize& size) const;
    QString textOf(int place) const;
    QString shortTextOf(int place) const;
    void paintPictures(QPainter& painter);
    void paintPicture(QPainter& painter, int place, const QSize& size);
    void paintLine(QPainter& painter);
    void paintTimes(QPainter& painter);

    ThumbnailCache& m_thumbnails;
    QList<Snapshot> m_snapshots;
    bool m_isQuiet = false; // a change that is not the user's
};

} // namespace vivarium
