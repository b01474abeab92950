#pragma once

#include <QLineEdit>

namespace vivarium {

// Shows a key and takes the next one that is pressed in it.
class HostKeyField : public QLineEdit {
    Q_OBJECT
public:
    explicit HostKeyField(QWidget* parent = nullptr);

    // A name of vmm/base/key_codes.h ("rightctrl").
    QString keyName() const { return m_keyName; }
    void setKeyName(const QString& name);

protected:
    bool event(QEvent* event) override;

private:
    QString m_keyName;
};

} // namespace vivarium
