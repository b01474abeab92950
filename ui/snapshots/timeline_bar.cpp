#include "ui/snapshots/timeline_bar.h"

#include "ui/snapshots/timeline_slider.h"
#include "ui/widgets/icons.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace vivarium {

TimelineBar::TimelineBar(ThumbnailCache& thumbnails, QWidget* parent)
    : QWidget(parent), m_slider(new TimelineSlider(thumbnails, this)), m_state(new QLabel(this)),
      m_change(new QPushButton(this)), m_restore(new QPushButton(this)) {
    m_state->setWordWrap(true);
    m_change->setObjectName(QStringLiteral("changeTimeline"));
    m_change->setIcon(applicationIcon(QStringLiteral("snapshot-automatic")));
    m_restore->setObjectName(QStringLiteral("restoreMoment"));
    m_restore->setIcon(applicationIcon(QStringLiteral("snapshot-restore")));
    auto* row = new QHBoxLayout;
    row->setContentsMargins(8, 0, 8, 6);
    row->addWidget(m_state, 1);
    row->addWidget(m_change);
    row->addWidget(m_restore);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addWidget(m_slider);
    layout->addLayout(row);
    connect(m_change, &QPushButton::clicked, this, &TimelineBar::settingsRequested);
    connect(m_restore, &QPushButton::clicked, this, &TimelineBar::restoreRequested);
    retranslate();
}

void TimelineBar::setSettings(const TimelineSettings& settings) {
    m_settings = settings;
    retranslate();
}

void TimelineBar::setRestorable(bool restorable) {
    m_restore->setEnabled(restorable);
}

void TimelineBar::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QWidget::changeEvent(event);
}

void TimelineBar::retranslate() {
    m_state->setText(m_settings.enabled
                         ? tr("While the machine runs, a snapshot is taken every %n minute(s).",
                              nullptr, m_settings.intervalMinutes)
                         : tr("No snapshots are taken automatically."));
    m_change->setText(tr("&Automatic Snapshots…"));
    m_restore->setText(tr("&Restore…"));
    m_restore->setToolTip(tr("Takes the machine back to the chosen moment"));
    m_slider->setAccessibleName(tr("Timeline"));
}

} // namespace vivarium
