#include "core/settings/preferences.h"

#include "vmm/base/key_codes.h"

#include <QDir>
#include <QFileInfo>
#include <QSettings>

namespace vivarium {

using namespace Qt::StringLiterals;

QString Preferences::filePath(const ApplicationPaths& paths) {
    return paths.config + u"/vivarium.ini"_s;
}

Preferences Preferences::load(const ApplicationPaths& paths) {
    Preferences preferences;
    const QSettings file(filePath(paths), QSettings::IniFormat);
    const auto text = [&file](const QString& key, QString& value) {
        value = file.value(key, value).toString();
    };
    const auto flag = [&file](const QString& key, bool& value) {
        value = file.value(key, value).toBool();
    };
    text(u"input/hostKey"_s, preferences.hostKey);
    if (!keyCodeFromName(preferences.hostKey.toStdString()))
        preferences.hostKey = Preferences{}.hostKey;
    flag(u"input/autoCaptureKeyboard"_s, preferences.autoCaptureKeyboard);
    text(u"folders/machines"_s, preferences.machinesFolder);
    if (!preferences.machinesFolder.isEmpty() && !QDir::isAbsolutePath(preferences.machinesFolder))
        preferences.machinesFolder.clear();
    text(u"folders/media"_s, preferences.mediaFolder);
    text(u"folders/screenshots"_s, preferences.screenshotsFolder);
    text(u"interface/language"_s, preferences.language);
    flag(u"interface/confirmClosing"_s, preferences.confirmClosing);
    flag(u"machines/saveAtSessionEnd"_s, preferences.saveAtSessionEnd);
    return preferences;
}

Result<void> Preferences::save(const ApplicationPaths& paths) const {
    if (!QDir().mkpath(paths.config))
        return fail(
            ErrorCode::PermissionDenied,
            u"The preferences were not saved: the folder %1 cannot be made."_s.arg(paths.config)
                .toStdString());
    QSettings file(filePath(paths), QSettings::IniFormat);
    file.setValue(u"input/hostKey"_s, hostKey);
    file.setValue(u"input/autoCaptureKeyboard"_s, autoCaptureKeyboard);
    file.setValue(u"folders/machines"_s, machinesFolder);
    file.setValue(u"folders/media"_s, mediaFolder);
    file.setValue(u"folders/screenshots"_s, screenshotsFolder);
    file.setValue(u"interface/language"_s, language);
    file.setValue(u"interface/confirmClosing"_s, confirmClosing);
    file.setValue(u"machines/saveAtSessionEnd"_s, saveAtSessionEnd);
    file.sync();
    if (file.status() != QSettings::NoError)
        return fail(QFileInfo(paths.config).isWritable() ? ErrorCode::Io
                                                         : ErrorCode::PermissionDenied,
                    u"The preferences were not saved: %1 cannot be written."_s.arg(file.fileName())
                        .toStdString());
    return {};
}

} // namespace vivarium
