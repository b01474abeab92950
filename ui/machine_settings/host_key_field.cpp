#include "ui/machine_settings/host_key_field.h"

#include "ui/console/key_translation.h"

#include <QKeyEvent>

#include <linux/input-event-codes.h>

namespace vivarium {

HostKeyField::HostKeyField(QWidget* parent) : QLineEdit(parent) {
    setReadOnly(true);
    setToolTip(tr("Click here and press the key"));
}

void HostKeyField::setKeyName(const QString& name) {
    const auto key = keyCodeFromName(name.toStdString());
    if (!key)
        return;
    m_keyName = name;
    setText(keyTitle(*key));
}

bool HostKeyField::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride) {
        event->accept();
        return true;
    }
    if (event->type() != QEvent::KeyPress)
        return QLineEdit::event(event);
    const auto key = keyCodeOf(*static_cast<QKeyEvent*>(event));
    // Keys that move between fields and leave dialogs keep doing so.
    const int code = key ? static_cast<int>(*key) : 0;
    if (code == 0 || code == KEY_TAB || code == KEY_ENTER || code == KEY_ESC)
        return QLineEdit::event(event);
    const std::string_view name = keyCodeName(*key);
    setKeyName(QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size())));
    return true;
}

} // namespace vivarium
