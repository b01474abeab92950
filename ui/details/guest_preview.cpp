#include "ui/details/guest_preview.h"

#include "ui/text/machine_text.h"

#include <QMouseEvent>
#include <QPainter>

namespace vivarium {

using control::MachineState;

GuestPreview::GuestPreview(GuestDisplays& displays, Supervisor& supervisor, QWidget* parent)
    : QWidget(parent), m_displays(displays), m_supervisor(supervisor) {
    setMinimumSize(160, 100);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    m_pace.setSingleShot(true);
    m_pace.setInterval(kPaceMs);
    connect(&m_pace, &QTimer::timeout, this, [this] {
        if (m_stale)
            takePicture();
    });
    connect(&supervisor, &Supervisor::statusChanged, this, [this](const MachineId& id) {
        if (id == m_machine)
            follow();
    });
}

void GuestPreview::setMachine(const MachineId& id, const QString& name) {
    m_name = name;
    if (id == m_machine) {
        update();
        return;
    }
    m_machine = id;
    m_display.reset();
    m_thumbnail = {};
    follow();
}

void GuestPreview::follow() {
    const bool wanted =
        isVisible() && !m_machine.isNull() && m_supervisor.connection(m_machine) != nullptr;
    if (!wanted) {
        if (m_display)
            m_display->disconnect(this);
        m_display.reset();
        m_pace.stop();
        if (m_machine.isNull() || !m_supervisor.connection(m_machine))
            m_thumbnail = {};
        update();
        return;
    }
    if (!m_display) {
        m_display = m_displays.open(m_machine);
        connect(m_display.get(), &GuestDisplay::pictureReplaced, this, &GuestPreview::takePicture);
        connect(m_display.get(), &GuestDisplay::damaged, this, [this] {
            if (m_pace.isActive())
                m_stale = true;
            else
                takePicture();
        });
        takePicture();
    }
    update();
}

void GuestPreview::takePicture() {
    m_stale = false;
    const QImage& picture = m_display ? m_display->picture() : QImage();
    if (picture.isNull()) {
        m_thumbnail = {};
    } else {
        const QSize target =
            picture.size().scaled(size() * devicePixelRatio(), Qt::KeepAspectRatio);
        m_thumbnail = picture.scaled(target, Qt::IgnoreAspectRatio, Qt::SmoothTransformation);
        m_thumbnail.setDevicePixelRatio(devicePixelRatio());
        m_pace.start();
    }
    update();
}

void GuestPreview::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), QColor(0x20, 0x24, 0x28));
    if (!m_thumbnail.isNull()) {
        const QSizeF shown = m_thumbnail.deviceIndependentSize();
        const QPointF corner((width() - shown.width()) / 2, (height() - shown.height()) / 2);
        painter.drawImage(corner, m_thumbnail);
        if (m_supervisor.status(m_machine).state != MachineState::Paused)
            return;
        painter.fillRect(rect(), QColor(0, 0, 0, 120));
    }
    painter.setPen(QColor(0xd0, 0xd6, 0xdc));
    const QString text =
        m_thumbnail.isNull() ? m_name : stateText(m_supervisor.status(m_machine).state);
    QFont bold = font();
    bold.setBold(true);
    painter.setFont(bold);
    painter.drawText(rect().adjusted(8, 8, -8, -8), Qt::AlignCenter | Qt::TextWordWrap, text);
}

void GuestPreview::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    follow();
}

void GuestPreview::hideEvent(QHideEvent* event) {
    QWidget::hideEvent(event);
    follow();
}

void GuestPreview::mouseDoubleClickEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && !m_machine.isNull())
        Q_EMIT
    activated(m_machine);
}

} // namespace vivarium
