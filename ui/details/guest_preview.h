#pragma once

#include "core/model/machine_id.h"
#include "ui/widgets/guest_display.h"

#include <QTimer>
#include <QWidget>

#include <memory>

namespace vivarium {

// A small live picture of a machine's screen. Follows the guest only while it is on the screen, at
// most once per kPaceMs, and costs nothing while the guest's picture stands still. GUI thread.
class GuestPreview : public QWidget {
    Q_OBJECT
public:
    static constexpr int kPaceMs = 1000;

    GuestPreview(GuestDisplays& displays, Supervisor& supervisor, QWidget* parent = nullptr);

    // A null id shows nothing.
    void setMachine(const MachineId& id, const QString& name);
    QSize sizeHint() const override { return {256, 160}; }
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override { return width * 5 / 8; }

Q_SIGNALS:
    void activated(const vivarium::MachineId& id);

protected:
    void paintEvent(QPaintEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;

private:
    void follow();
    void takePicture();

    GuestDisplays& m_displays;
    Supervisor& m_supervisor;
    MachineId m_machine;
    QString m_name;
    std::shared_ptr<GuestDisplay> m_display; // while visible and running
    QImage m_thumbnail;
    QTimer m_pace;
    bool m_stale = false;
};

} // namespace vivarium
