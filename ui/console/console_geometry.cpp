#include "ui/console/console_geometry.h"

#include <algorithm>
#include <cmath>

namespace vivarium {

namespace {
constexpr int kTabletMaximum = 32767;
}

ConsoleGeometry::ConsoleGeometry(QSize picture, QSize viewport, ScaleMode mode)
    : m_picture(picture) {
    if (picture.isEmpty() || viewport.isEmpty())
        return;
    QSize size = picture;
    switch (mode) {
    case ScaleMode::OneToOne:
        break;
    case ScaleMode::Fit:
        size = picture.scaled(viewport, Qt::KeepAspectRatio);
        break;
    case ScaleMode::Integer: {
        const int factor =
            std::min(viewport.width() / picture.width(), viewport.height() / picture.height());
        // A picture that does not fit is reduced: seeing all of it matters more.
        size = factor >= 1 ? picture * factor : picture.scaled(viewport, Qt::KeepAspectRatio);
        break;
    }
    }
    size = size.expandedTo(QSize(1, 1));
    m_target = QRect(QPoint(std::max(0, (viewport.width() - size.width()) / 2),
                            std::max(0, (viewport.height() - size.height()) / 2)),
                     size);
}

QRect ConsoleGeometry::toDevice(const QRect& guest) const {
    if (m_target.isEmpty())
        return {};
    if (isUnscaled())
        return guest.translated(m_target.topLeft());
    const double scaleX = static_cast<double>(m_target.width()) / m_picture.width();
    const double scaleY = static_cast<double>(m_target.height()) / m_picture.height();
    const int left = static_cast<int>(std::floor(guest.left() * scaleX)) - 1;
    const int top = static_cast<int>(std::floor(guest.top() * scaleY)) - 1;
    const int right = static_cast<int>(std::ceil((guest.right() + 1) * scaleX)) + 1;
    const int bottom = static_cast<int>(std::ceil((guest.bottom() + 1) * scaleY)) + 1;
    return QRect(QPoint(left, top), QPoint(right - 1, bottom - 1)).translated(m_target.topLeft()) &
           m_target;
}

QPoint ConsoleGeometry::toGuest(QPointF device) const {
    if (m_target.isEmpty())
        return {};
    const double x = (device.x() - m_target.x()) * m_picture.width() / m_target.width();
    const double y = (device.y() - m_target.y()) * m_picture.height() / m_target.height();
    return {std::clamp(static_cast<int>(std::floor(x)), 0, m_picture.width() - 1),
            std::clamp(static_cast<int>(std::floor(y)), 0, m_picture.height() - 1)};
}

QPoint ConsoleGeometry::toTablet(QPointF device) const {
    if (m_picture.isEmpty())
        return {};
    const QPoint guest = toGuest(device);
    const auto scale = [](int value, int size) {
        return size <= 1
                   ? 0
                   : static_cast<int>(static_cast<int64_t>(value) * kTabletMaximum / (size - 1));
    };
    return {scale(guest.x(), m_picture.width()), scale(guest.y(), m_picture.height())};
}

} // namespace vivarium
