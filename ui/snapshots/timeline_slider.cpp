#include "ui/snapshots/timeline_slider.h"

#include "ui/snapshots/snapshot_text.h"
#include "ui/snapshots/thumbnail_cache.h"
#include "ui/widgets/icons.h"

#include <QHelpEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QScopedValueRollback>
#include <QStyle>
#include <QToolTip>

#include <algorithm>

namespace vivarium {

namespace {

constexpr QSize kPictureSize(56, 42);
constexpr QSize kChosenSize(80, 60);
constexpr int kMargin = kChosenSize.width() / 2 + 6;
constexpr int kTop = 6;
constexpr int kGap = 6; // between pictures, and between what is below each other
constexpr int kDot = 3; // radius
constexpr int kPageSteps = 10;

int lineY() {
    return kTop + kChosenSize.height() + kGap + kDot + 2;
}

} // namespace

TimelineSlider::TimelineSlider(ThumbnailCache& thumbnails, QWidget* parent)
    : QAbstractSlider(parent), m_thumbnails(thumbnails) {
    setOrientation(Qt::Horizontal);
    setFocusPolicy(Qt::StrongFocus);
    setRange(0, 0);
    setPageStep(kPageSteps);
    connect(&thumbnails, &ThumbnailCache::loaded, this, qOverload<>(&QWidget::update));
}

QSize TimelineSlider::sizeHint() const {
    return {480, minimumSizeHint().height()};
}

QSize TimelineSlider::minimumSizeHint() const {
    return {2 * kMargin + kPictureSize.width(),
            lineY() + kDot + 2 + kGap / 2 + fontMetrics().height() + 2};
}

void TimelineSlider::setSnapshots(const QList<Snapshot>& snapshots) {
    if (snapshots == m_snapshots)
        return;
    const SnapshotId before = chosen();
    m_snapshots = snapshots;
    std::stable_sort(
        m_snapshots.begin(), m_snapshots.end(),
        [](const Snapshot& a, const Snapshot& b) { return a.createdAt < b.createdAt; });
    const QScopedValueRollback quiet(m_isQuiet, true);
    setRange(0, static_cast<int>(m_snapshots.size()));
    choose(before);
    update();
}

void TimelineSlider::choose(const SnapshotId& snapshot) {
    const QScopedValueRollback quiet(m_isQuiet, true);
    const auto found = std::find_if(m_snapshots.begin(), m_snapshots.end(),
                                    [&](const Snapshot& s) { return s.id == snapshot; });
    setValue(static_cast<int>(found - m_snapshots.begin())); // the present is behind them all
    update();
}

SnapshotId TimelineSlider::idAt(int place) const {
    return place >= 0 && place < m_snapshots.size() ? m_snapshots.at(place).id : SnapshotId();
}

void TimelineSlider::sliderChange(SliderChange change) {
    QAbstractSlider::sliderChange(change);
    if (change != SliderValueChange)
        return;
    setAccessibleDescription(textOf(value()));
    if (!m_isQuiet)
        Q_EMIT
    chosenByUser(chosen());
}

int TimelineSlider::xOf(int place) const {
    const int room = width() - 2 * kMargin;
    return maximum() == 0 ? kMargin + room : kMargin + room * place / maximum();
}

int TimelineSlider::placeAt(int x) const {
    const int room = std::max(width() - 2 * kMargin, 1);
    const double place = double(x - kMargin) * maximum() / room;
    return std::clamp(qRound(place), 0, maximum());
}

QString TimelineSlider::textOf(int place) const {
    if (place >= m_snapshots.size())
        return tr("Now: the current state");
    const Snapshot& snapshot = m_snapshots.at(place);
    return snapshotNameText(snapshot) + u'\n' + exactTimeText(snapshot.createdAt);
}

// The time of day, and the day where it is another than that of the one before.
QString TimelineSlider::shortTextOf(int place) const {
    if (place >= m_snapshots.size())
        return tr("Now");
    const QLocale locale;
    const QDateTime time = m_snapshots.at(place).createdAt.toLocalTime();
    const QDate day = time.date();
    const QString clock = locale.toString(time.time(), QStringLiteral("HH:mm"));
    if (day == QDate::currentDate())
        return clock;
    const QString date = day.daysTo(QDate::currentDate()) < 7
                             ? locale.toString(day, QStringLiteral("ddd"))
                             : locale.toString(day, QStringLiteral("d MMM"));
    return tr("%1 %2", "day, time").arg(date, clock);
}

QRect TimelineSlider::pictureRect(int place, const QSize& size) const {
    return QRect(xOf(place) - size.width() / 2, kTop + kChosenSize.height() - size.height(),
                 size.width(), size.height());
}

void TimelineSlider::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHints(QPainter::Antialiasing | QPainter::SmoothPixmapTransform);
    paintPictures(painter);
    paintLine(painter);
    paintTimes(painter);
}

// As many as there is room for beside the chosen one.
void TimelineSlider::paintPictures(QPainter& painter) {
    const QRect chosenRect = pictureRect(value(), kChosenSize).adjusted(-kGap, 0, kGap, 0);
    int free = 0;
    for (int place = 0; place < m_snapshots.size(); ++place) {
        const QRect rect = pictureRect(place, kPictureSize);
        if (place == value() || rect.left() < free || rect.intersects(chosenRect))
            continue;
        paintPicture(painter, place, kPictureSize);
        free = rect.right() + kGap;
    }
    paintPicture(painter, value(), kChosenSize);
}

void TimelineSlider::paintPicture(QPainter& painter, int place, const QSize& size) {
    const bool isChosen = place == value();
    const QRectF frame = QRectF(pictureRect(place, size)).adjusted(1, 1, -1, -1);
    QPainterPath shape;
    shape.addRoundedRect(frame, 4, 4);
    painter.save();
    painter.setClipPath(shape);
    const bool isPresent = place >= m_snapshots.size();
    const QImage picture =
        isPresent ? QImage() : m_thumbnails.find(m_snapshots.at(place).thumbnailPath);
    painter.fillPath(shape,
                     picture.isNull() ? palette().color(QPalette::AlternateBase) : QColor(0, 0, 0));
    if (!picture.isNull()) {
        QSizeF fitting = picture.size();
        fitting.scale(frame.size(), Qt::KeepAspectRatio);
        QRectF target(QPointF(), fitting);
        target.moveCenter(frame.center());
        painter.drawImage(target, picture);
    } else {
        const bool automatic = !isPresent && m_snapshots.at(place).automatic;
        const int side = isChosen ? 32 : 24;
        QRect target(0, 0, side, side);
        target.moveCenter(frame.center().toPoint());
        applicationIcon(isPresent   ? QStringLiteral("machine-show")
                        : automatic ? QStringLiteral("snapshot-automatic")
                                    : QStringLiteral("snapshot"))
            .paint(&painter, target);
    }
    painter.restore();
    painter.setPen(isChosen ? QPen(palette().color(QPalette::Highlight), 2.5)
                            : QPen(palette().color(QPalette::Mid), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(frame, 4, 4);
}

void TimelineSlider::paintLine(QPainter& painter) {
    const int y = lineY();
    painter.setPen(QPen(palette().color(QPalette::Mid), 2));
    painter.drawLine(xOf(0), y, xOf(maximum()), y);
    painter.setPen(Qt::NoPen);
    for (int place = 0; place <= maximum(); ++place) {
        const bool own = place < m_snapshots.size() && !m_snapshots.at(place).automatic;
        painter.setBrush(palette().color(own ? QPalette::Link : QPalette::PlaceholderText));
        painter.drawEllipse(QPoint(xOf(place), y), own ? kDot + 1 : kDot, own ? kDot + 1 : kDot);
    }
    painter.setBrush(palette().color(QPalette::Highlight));
    painter.setPen(QPen(palette().color(hasFocus() ? QPalette::Text : QPalette::Base), 1.5));
    painter.drawEllipse(QPoint(xOf(value()), y), kDot + 3, kDot + 3);
}

// Of the chosen one, the present, and of others that do not come near.
void TimelineSlider::paintTimes(QPainter& painter) {
    const int top = lineY() + kDot + 2 + kGap / 2;
    const QFontMetrics metrics = fontMetrics();
    QList<QRect> taken;
    const auto paint = [&](int place, QPalette::ColorRole role) {
        const QString text = shortTextOf(place);
        const int textWidth = metrics.horizontalAdvance(text) + 2;
        QRect rect(xOf(place) - textWidth / 2, top, textWidth, metrics.height());
        rect.moveLeft(std::clamp(rect.left(), 0, std::max(width() - textWidth, 0)));
        const QRect wide = rect.adjusted(-2 * kGap, 0, 2 * kGap, 0);
        if (std::any_of(taken.begin(), taken.end(),
                        [&wide](const QRect& one) { return one.intersects(wide); }))
            return;
        taken << rect;
        painter.setPen(palette().color(role));
        painter.drawText(rect, Qt::AlignCenter, text);
    };
    paint(value(), QPalette::Text);
    paint(maximum(), QPalette::PlaceholderText);
    for (int place = 0; place < maximum(); ++place)
        paint(place, QPalette::PlaceholderText);
}

void TimelineSlider::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    setSliderDown(true);
    setValue(placeAt(event->pos().x()));
}

void TimelineSlider::mouseMoveEvent(QMouseEvent* event) {
    if (isSliderDown())
        setValue(placeAt(event->pos().x()));
}

void TimelineSlider::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton)
        setSliderDown(false);
}

bool TimelineSlider::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        QToolTip::showText(help->globalPos(), textOf(placeAt(help->pos().x())), this);
        return true;
    }
    return QAbstractSlider::event(event);
}

} // namespace vivarium
