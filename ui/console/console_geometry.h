#pragma once

#include "core/model/machine_settings.h"

#include <QPoint>
#include <QRect>
#include <QSize>

namespace vivarium {

// Where the guest's picture lies in the console, in device pixels of the host, so that on HiDPI
// screens a guest pixel is a whole number of real ones. A plain value.
class ConsoleGeometry {
public:
    ConsoleGeometry() = default;
    // `picture`: guest pixels; `viewport`: device pixels.
    ConsoleGeometry(QSize picture, QSize viewport, ScaleMode mode);

    // The picture's place; empty without a picture. May be larger than the viewport with OneToOne.
    QRect target() const { return m_target; }
    bool isUnscaled() const { return m_target.size() == m_picture; }

    // Device pixels that show `guest`, one more at each side where scaling blends neighbours.
    QRect toDevice(const QRect& guest) const;
    // The guest pixel under a device pixel, clamped to the picture.
    QPoint toGuest(QPointF device) const;
    // Position in the picture as 0..32767 in both directions, what a tablet reports.
    QPoint toTablet(QPointF device) const;
    bool operator==(const ConsoleGeometry&) const = default;

private:
    QSize m_picture;
    QRect m_target;
};

} // namespace vivarium
