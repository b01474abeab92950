#pragma once

#include <QDBusVariant>
#include <QObject>

namespace vivarium {

// Makes light or dark appearance follow the desktop where Qt does not do it by itself (Qt 6.4 knows
// KDE and GTK themes only with their plugins): asks the desktop portal, also for later changes.
// Does nothing where there is no portal. GUI thread.
class DesktopTheme : public QObject {
    Q_OBJECT
public:
    explicit DesktopTheme(QObject* parent = nullptr);

    enum class ColorScheme { Unknown, Dark, Light }; // the portal's numbers
    // Sets the application's palette; Unknown goes back to the style's own.
    static void apply(ColorScheme scheme);

private Q_SLOTS:
    void settingChanged(const QString& group, const QString& key, const QDBusVariant& value);
};

} // namespace vivarium
