#include "ui/main_window/desktop_theme.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>

namespace vivarium {

namespace {

// XDG desktop portal, org.freedesktop.portal.Settings, version 1.
const auto kService = u"org.freedesktop.portal.Desktop";
const auto kPath = u"/org/freedesktop/portal/desktop";
const auto kInterface = u"org.freedesktop.portal.Settings";
const auto kGroup = u"org.freedesktop.appearance";
const auto kKey = u"color-scheme";

QString text(const char16_t* value) {
    return QString::fromUtf16(value);
}

DesktopTheme::ColorScheme schemeOf(QVariant value) {
    // "Read" wraps the value in one variant more than "SettingChanged".
    while (value.canConvert<QDBusVariant>())
        value = value.value<QDBusVariant>().variant();
    switch (value.toUInt()) {
    case 1:
        return DesktopTheme::ColorScheme::Dark;
    case 2:
        return DesktopTheme::ColorScheme::Light;
    default:
        return DesktopTheme::ColorScheme::Unknown;
    }
}

QPalette darkPalette() {
    const QColor window(0x2b, 0x2e, 0x32), base(0x1e, 0x20, 0x23), ink(0xe6, 0xe8, 0xea);
    QPalette palette;
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::WindowText, ink);
    palette.setColor(QPalette::Base, base);
    palette.setColor(QPalette::AlternateBase, QColor(0x25, 0x28, 0x2b));
    palette.setColor(QPalette::ToolTipBase, window);
    palette.setColor(QPalette::ToolTipText, ink);
    palette.setColor(QPalette::Text, ink);
    palette.setColor(QPalette::PlaceholderText, QColor(0x93, 0x99, 0xa0));
    palette.setColor(QPalette::Button, QColor(0x35, 0x39, 0x3e));
    palette.setColor(QPalette::ButtonText, ink);
    palette.setColor(QPalette::BrightText, Qt::white);
    palette.setColor(QPalette::Link, QColor(0x5a, 0xa7, 0xf0));
    palette.setColor(QPalette::Highlight, QColor(0x2f, 0x6f, 0xb8));
    palette.setColor(QPalette::HighlightedText, Qt::white);
    const QColor dim(0x78, 0x7d, 0x83);
    for (QPalette::ColorRole role :
         {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::HighlightedText})
        palette.setColor(QPalette::Disabled, role, dim);
    return palette;
}

} // namespace

DesktopTheme::DesktopTheme(QObject* parent) : QObject(parent) {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    bus.connect(text(kService), text(kPath), text(kInterface), QStringLiteral("SettingChanged"),
                this, SLOT(settingChanged(QString, QString, QDBusVariant)));
    QDBusMessage read = QDBusMessage::createMethodCall(text(kService), text(kPath),
                                                       text(kInterface), QStringLiteral("Read"));
    read << text(kGroup) << text(kKey);
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(read), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [watcher] {
        watcher->deleteLater();
        const QDBusPendingReply<QVariant> reply = *watcher;
        if (reply.isValid() && schemeOf(reply.value()) == ColorScheme::Dark)
            apply(ColorScheme::Dark);
    });
}

void DesktopTheme::settingChanged(const QString& group, const QString& key,
                                  const QDBusVariant& value) {
    if (group == text(kGroup) && key == text(kKey))
        apply(schemeOf(value.variant()));
}

void DesktopTheme::apply(ColorScheme scheme) {
    const bool dark = scheme == ColorScheme::Dark;
    // A platform theme that already shows what is wanted is left alone.
    if (dark && QApplication::palette().color(QPalette::Window).lightness() < 128)
        return;
    if (dark)
        QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    QApplication::setPalette(dark ? darkPalette() : QApplication::style()->standardPalette());
}

} // namespace vivarium
