#pragma once

#include "core/model/machine.h"

#include <QWidget>

namespace vivarium {

// One section of the settings dialog. Shows values and hands them back; knows no rules: what is
// allowed is decided by validate() and shown by the dialog. GUI thread.
class SettingsPage : public QWidget {
    Q_OBJECT
public:
    using QWidget::QWidget;

    virtual void load(const Machine& machine) = 0;
    virtual void store(Machine& machine) const = 0;
    // What a running machine cannot change becomes read-only.
    enum class Liveness { Stopped, Running };
    virtual void setLiveness(Liveness liveness) = 0;

Q_SIGNALS:
    void changed();
};

} // namespace vivarium
