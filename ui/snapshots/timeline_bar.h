#pragma once

#include "core/model/snapshot.h"

#include <QWidget>

class QLabel;
class QPushButton;
class QToolButton;

namespace vivarium {

class ThumbnailCache;
class TimelineSlider;

// The timeline below a machine's snapshots: the slider, how often snapshots are taken by
// themselves, and the buttons for what one does with a moment that was found. GUI thread.
class TimelineBar : public QWidget {
    Q_OBJECT
public:
    explicit TimelineBar(ThumbnailCache& thumbnails, QWidget* parent = nullptr);

    TimelineSlider* slider() const { return m_slider; }
    void setSettings(const TimelineSettings& settings);
    // Whether the chosen moment can be returned to.
    void setRestorable(bool restorable);

Q_SIGNALS:
    void settingsRequested();
    void restoreRequested();

protected:
    void changeEvent(QEvent* event) override;

private:
    void retranslate();

    TimelineSettings m_settings;
    TimelineSlider* m_slider;
    QLabel* m_state;
    QPushButton* m_change;
    QPushButton* m_restore;
};

} // namespace vivarium
